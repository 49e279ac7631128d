namespace Messaging.Transactional;

/// <summary>What reading a delivery gave: a message that may claim its key, or a reason to park it.</summary>
internal abstract record Reading;

/// <summary>A well-formed message; whether its key is free the inbox decides.</summary>
internal sealed record Candidate(ScopedKey Key, Guid Digest, Fingerprint Fingerprint, DateTimeOffset AcceptedAt, object Message, string? TraceParent) : Reading
{
    /// <summary>The same message, which has to be parked all the same.</summary>
    public Unreadable Refused(string reason, string error) => new(reason, error, Key.Client, Key.Key, Digest, Fingerprint, AcceptedAt);
}

/// <summary>A message that can never be processed as it is. Its digest, fingerprint and age, as far as they could be told, lead from its submission to it.</summary>
internal sealed record Unreadable(string Reason, string Error, string? Client, string? Key, Guid? Digest = null, Fingerprint? Fingerprint = null, DateTimeOffset? AcceptedAt = null) : Reading;

/// <summary>A delivery and what reading it gave.</summary>
internal readonly record struct ReadDelivery(Delivery Delivery, Reading Reading);
