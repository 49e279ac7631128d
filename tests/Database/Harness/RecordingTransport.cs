using System.Collections.Concurrent;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>A broker at the process boundary: takes everything and says so, unless the test answers otherwise.</summary>
internal sealed class RecordingTransport : ITransport
{
    /// <summary>Messages in the order they came; a message sent twice is here twice.</summary>
    public ConcurrentQueue<OutgoingMessage> Sent { get; } = [];

    /// <summary>The broker's answer to one message; confirms by default.</summary>
    public Func<OutgoingMessage, SendResult> Answer { get; set; } = _ => SendResult.Confirmed;

    /// <summary>Runs before a window is answered: may wait, or throw <see cref="BrokerUnavailableException"/>.</summary>
    public Func<IReadOnlyList<OutgoingMessage>, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
        {
            Sent.Enqueue(message);
        }

        await Before(messages, cancellationToken);
        return [.. messages.Select(Answer)];
    }
}
