namespace Messaging.Transactional;

/// <summary>
/// One accepted request: what its key now stands for, and the message that will make it take effect. It is written once, in
/// the transaction that also writes its outgoing message, and never updated; its state is read from the inbox.
/// </summary>
public sealed record Submission
{
    /// <summary>Client, operation and idempotency key.</summary>
    public required ScopedKey Key { get; init; }

    /// <summary>The id of the thing submitted (order, payment): made by us, time-ordered, the last part of the status address.</summary>
    public required Guid Id { get; init; }

    /// <summary>Of the payload as it was first accepted.</summary>
    public required Fingerprint Fingerprint { get; init; }

    /// <summary>The answer the first caller gets, UTF-8 JSON; every replay of the key gets these very bytes.</summary>
    public required byte[] Acceptance { get; init; }

    /// <summary>UTC, by this process's clock.</summary>
    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>Where the message goes.</summary>
    public required Destination Destination { get; init; }

    /// <summary>The message type as MassTransit names it: <c>urn:message:Namespace:Type</c>.</summary>
    public required string MessageType { get; init; }

    /// <summary>The message itself, UTF-8 JSON.</summary>
    public required byte[] Body { get; init; }

    /// <summary>W3C trace context of the request, so that one trace leads from it to the effect; null when not traced.</summary>
    public string? TraceParent { get; init; }
}
