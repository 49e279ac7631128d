namespace Messaging.Transactional;

/// <summary>What waits for the broker.</summary>
/// <param name="Rows">Outgoing messages not yet confirmed.</param>
/// <param name="OldestAcceptedAt">When the oldest of them was accepted, UTC; null when nothing waits.</param>
public readonly record struct OutgoingBacklog(long Rows, DateTimeOffset? OldestAcceptedAt);
