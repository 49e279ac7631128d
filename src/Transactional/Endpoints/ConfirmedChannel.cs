using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Transactional;

/// <summary>
/// A channel that publishes windows of messages and waits for the broker's answer to each. The client library's own tracking costs a
/// header, a task and, for a returned message, an exception per message; here a window is one array, and an answer one entry in it.
/// </summary>
internal sealed class ConfirmedChannel : IAsyncDisposable
{
    private const ushort ContentTooLarge = 311, AccessRefused = 403, PreconditionFailed = 406;

    /// <summary>To an exchange that is not there: whoever deleted it may have deleted its queue too.</summary>
    public const ushort NotFound = 404;

    private readonly IConnection _connection;
    private readonly IChannel _channel;

    /// <summary>Two windows may be under way at once; the messages of one are published without a gap, so that its tags are consecutive.</summary>
    private readonly SemaphoreSlim _publishing = new(1, 1);

    private readonly Lock _lock = new();
    private readonly List<ConfirmWindow> _windows = [];
    private ulong _nextTag = 1;
    private Exception? _broken;

    private ConfirmedChannel(IConnection connection, IChannel channel)
    {
        (_connection, _channel) = (connection, channel);
        channel.BasicAcksAsync += (_, ack) => Answer(ack.DeliveryTag, ack.Multiple, SendResult.Confirmed);
        channel.BasicNacksAsync += (_, nack) => Answer(nack.DeliveryTag, nack.Multiple, new SendResult(SendOutcome.Refused, "nacked"));
        channel.BasicReturnAsync += ReturnedAsync;
        channel.ChannelShutdownAsync += (_, reason) => BreakAsync(new IOException(reason.ReplyText));
    }

    public bool IsOpen => _channel.IsOpen;

    /// <summary>Why the broker has closed this channel and not its connection, which it does for something that was published on it; null when it has not.</summary>
    public ShutdownEventArgs? Refusal =>
        _channel.CloseReason is { Initiator: ShutdownInitiator.Peer, ReplyCode: ContentTooLarge or AccessRefused or NotFound or PreconditionFailed } reason ? reason : null;

    public static async Task<ConfirmedChannel> OpenAsync(IConnection connection, CancellationToken cancellationToken) =>
        new(connection, await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false), cancellationToken));

    /// <summary>Another one on the same connection, for messages that may have it closed.</summary>
    public Task<ConfirmedChannel> OpenAnotherAsync(CancellationToken cancellationToken) => OpenAsync(_connection, cancellationToken);

    /// <summary>Publishes the messages and waits until the broker has answered for all of them, or the limit is over.</summary>
    /// <param name="messages">At least one.</param>
    /// <param name="limit">For the publishing of each message, and then for the answers to all.</param>
    /// <param name="cancellationToken">Ends the wait; the messages may arrive all the same.</param>
    /// <exception cref="IOException">The channel broke; some of the messages may have arrived.</exception>
    /// <exception cref="OperationCanceledException">The broker did not take a message in time; likewise.</exception>
    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await _publishing.WaitAsync(cancellationToken);
        ConfirmWindow window;
        try
        {
            window = Register(messages);
            foreach (var message in messages)
            {
                bounded.CancelAfter(limit);
                await PublishAsync(message, bounded.Token);
            }
        }
        catch (Exception exception)
        {
            // How many were published is unknown, and with it the tag of the next one: this channel is done.
            await BreakAsync(exception);
            throw;
        }
        finally
        {
            _publishing.Release();
        }

        CrashPoint.Reach("D2", messages.Count);
        try
        {
            return await window.Answered.WaitAsync(limit, cancellationToken);
        }
        catch (TimeoutException)
        {
            // What is answered later is nobody's any more.
            lock (_lock)
            {
                _windows.Remove(window);
                return window.Results;
            }
        }
    }

    /// <summary>Leaves the semaphore to whoever waits for it: disposed, it would never wake them, and it holds nothing that has to be freed.</summary>
    public async ValueTask DisposeAsync()
    {
        // The broker may have closed it already, for a reason that its shutdown event has not told yet.
        await BreakAsync(new IOException(_channel.CloseReason?.ReplyText ?? "The channel was closed."));
        await _channel.DisposeAsync();
    }

    private ConfirmWindow Register(IReadOnlyList<OutgoingMessage> messages)
    {
        lock (_lock)
        {
            var window = _broken is null ? new ConfirmWindow(_nextTag, messages) : throw new IOException(_broken.Message, _broken);
            _nextTag += (ulong)messages.Count;
            _windows.Add(window);
            return window;
        }
    }

    private async Task PublishAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        var headers = new Dictionary<string, object?>(5);
        foreach (var (name, value) in MassTransitEnvelope.Identity(message))
        {
            headers.Add(name, value);
        }

        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = MassTransitEnvelope.ContentType,
            MessageId = message.Id.ToString(),
            Timestamp = new AmqpTimestamp(message.AcceptedAtMs / 1000),
            Headers = headers,
        };
        await _channel.BasicPublishAsync(
            message.Destination.Exchange, routingKey: "", mandatory: true, properties, MassTransitEnvelope.Write(message), cancellationToken);
    }

    /// <summary>The broker answers in its own order, for one message or for all up to one.</summary>
    private Task Answer(ulong tag, bool multiple, SendResult result)
    {
        List<ConfirmWindow> answered;
        lock (_lock)
        {
            answered = _windows.FindAll(w => w.Answer(tag, multiple, result) > 0);
            _windows.RemoveAll(w => w.IsComplete);
        }

        answered.ForEach(w => w.Tell());
        return Task.CompletedTask;
    }

    private Task ReturnedAsync(object channel, BasicReturnEventArgs returned)
    {
        if (Guid.TryParse(returned.BasicProperties.MessageId, out var id))
        {
            lock (_lock)
            {
                _ = _windows.Exists(w => w.Return(id, $"returned: {returned.ReplyCode} {returned.ReplyText}"));
            }
        }

        return Task.CompletedTask;
    }

    private Task BreakAsync(Exception exception)
    {
        lock (_lock)
        {
            _broken ??= exception;
            _windows.ForEach(w => w.Break(_broken));
            _windows.Clear();
        }

        return Task.CompletedTask;
    }
}
