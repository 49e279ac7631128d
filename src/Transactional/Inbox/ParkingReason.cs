namespace Messaging.Transactional;

/// <summary>Why a message waits for an operator instead of taking effect. The words are stored in <c>parked_messages.reason</c>.</summary>
public static class ParkingReason
{
    /// <summary>The body cannot be read as the message this queue carries.</summary>
    public const string Malformed = "malformed";

    /// <summary>The content type is neither <c>application/json</c> nor MassTransit's envelope.</summary>
    public const string UnsupportedContentType = "unsupported-content-type";

    /// <summary>There is no <c>Idempotency-Key</c> header.</summary>
    public const string KeyMissing = "key-missing";

    /// <summary>The key or the client is empty, over 255 characters, or has characters outside visible ASCII and space.</summary>
    public const string KeyInvalid = "key-invalid";

    /// <summary>The key has taken effect with another payload.</summary>
    public const string Conflict = "conflict";

    /// <summary>Older than the retention horizon: it can no longer be proved to be the first.</summary>
    public const string TooLate = "too-late";

    /// <summary>The handler failed on every attempt.</summary>
    public const string Poison = "poison";

    /// <summary>All of them; a check constraint allows no other.</summary>
    public static IReadOnlyList<string> All { get; } = [Malformed, UnsupportedContentType, KeyMissing, KeyInvalid, Conflict, TooLate, Poison];
}
