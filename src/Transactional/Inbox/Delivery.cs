using System.Text;

namespace Messaging.Transactional;

/// <summary>A message as a transport hands it over: nothing about it is known to be right yet.</summary>
public sealed class Delivery
{
    private Guid _parkedId;

    /// <summary>The queue it came from.</summary>
    public required string Queue { get; init; }

    /// <summary>The bytes of the body; they must stay as they are until the delivery is settled.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The media type, without trust in its form; null when the producer gave none.</summary>
    public string? ContentType { get; init; }

    /// <summary>The producer's message id, if there is one. It is kept for operators and decides nothing.</summary>
    public string? MessageId { get; init; }

    /// <summary>Transport headers; texts may be strings or UTF-8 bytes. Names are compared without case.</summary>
    public required IReadOnlyDictionary<string, object?> Headers { get; init; }

    /// <summary>The broker says that it handed this message out before.</summary>
    public bool Redelivered { get; init; }

    /// <summary>How often the broker handed it out before, where the broker counts (<c>x-delivery-count</c>); else 0.</summary>
    public long DeliveryCount { get; init; }

    /// <summary>When the producer sent it, by the producer's clock; null when it did not say.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>
    /// Cancelled when the broker has taken the message back, because the channel that it came over is closed: it comes again, and what becomes of
    /// this delivery is of no use to anybody. Never, where the transport does not tell.
    /// </summary>
    internal CancellationToken TakenBack { get; init; }

    /// <summary>
    /// The row it is parked as, however often that has to be tried: a commit whose answer was lost may have parked it. The broker's next delivery
    /// of the same message is another one.
    /// </summary>
    internal Guid ParkedId => _parkedId == Guid.Empty ? _parkedId = Guid.CreateVersion7() : _parkedId;

    /// <summary>A producer may write anything as its timestamp, milliseconds for instance; what is no time in seconds was not said.</summary>
    internal static DateTimeOffset? TimeOf(long seconds) =>
        seconds >= 0 && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    /// <summary>The broker counts in whole numbers; what a producer put there instead counts as nothing.</summary>
    internal static long CountOf(object? header) => header switch
    {
        long count => count,
        int count => count,
        uint count => count,
        short count => count,
        ushort count => count,
        byte count => count,
        sbyte count => count,
        _ => 0,
    };

    /// <summary>A header as text; null when it is absent or no text.</summary>
    internal string? TextHeader(string name) => Headers.TryGetValue(name, out var value)
        ? value switch
        {
            string text => text,
            byte[] bytes => Encoding.UTF8.GetString(bytes),
            _ => null,
        }
        : null;
}
