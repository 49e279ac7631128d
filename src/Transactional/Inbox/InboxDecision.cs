namespace Messaging.Transactional;

/// <summary>What the inbox decided about one delivery.</summary>
internal enum InboxDecision
{
    /// <summary>The key was free: the handler ran, and its writes are committed.</summary>
    Claimed,

    /// <summary>The key has taken effect with this payload already.</summary>
    Duplicate,

    /// <summary>The key has taken effect with another payload; the message is parked.</summary>
    Conflict,

    /// <summary>Older than the retention horizon and unknown; the message is parked.</summary>
    TooLate,

    /// <summary>It cannot be processed as it is; the message is parked.</summary>
    Unreadable,
}
