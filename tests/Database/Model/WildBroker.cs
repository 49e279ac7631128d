using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>A message in the broker, as often as it is handed out.</summary>
internal sealed record Parcel(Guid Id, string Key, Delivery Delivery, string? ForeignWord)
{
    public Delivery Again() => new()
    {
        Queue = Delivery.Queue,
        Body = Delivery.Body,
        ContentType = Delivery.ContentType,
        MessageId = Delivery.MessageId,
        Headers = Delivery.Headers,
        Redelivered = true,
    };
}

/// <summary>A broker that keeps what it confirms, unless told to lose it, and knows no order.</summary>
internal sealed class WildBroker : ITransport
{
    private readonly Lock _lock = new();

    private readonly SortedDictionary<Guid, Parcel> _held = [];

    private readonly List<Parcel> _archive = [];

    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                return _held.Count == 0;
            }
        }
    }

    public Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
        {
            Add(new Parcel(message.Id, message.IdempotencyKey, Message.Of(ModelMessage.Queue, message.IdempotencyKey, MassTransitEnvelope.Write(message),
                MassTransitEnvelope.ContentType, messageId: message.Id.ToString(),
                headers: [.. MassTransitEnvelope.Identity(message).Select(h => (h.Name, (object?)h.Value))]), ForeignWord: null));
        }

        return Task.FromResult(Enumerable.Repeat(SendResult.Confirmed, messages.Count).ToArray());
    }

    public void Add(Parcel parcel)
    {
        lock (_lock)
        {
            _held[parcel.Id] = parcel;
            _archive.Add(parcel);
        }
    }

    /// <summary>Takes any one out; what is not acknowledged has to be added again.</summary>
    public Parcel? Take(int pick)
    {
        lock (_lock)
        {
            if (_held.Count == 0)
            {
                return null;
            }

            var parcel = _held.Values.ElementAt(pick % _held.Count);
            _held.Remove(parcel.Id);
            return parcel;
        }
    }

    /// <summary>Any one it ever held.</summary>
    public Parcel? Recall(int pick)
    {
        lock (_lock)
        {
            return _archive.Count == 0 ? null : _archive[pick % _archive.Count];
        }
    }
}
