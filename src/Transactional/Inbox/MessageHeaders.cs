namespace Messaging.Transactional;

/// <summary>The headers that carry a message's identity. A producer in any language may set them.</summary>
public static class MessageHeaders
{
    /// <summary>The idempotency key, 1–255 visible ASCII characters and spaces. Required.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Who sent it: the scope of the key. Default <see cref="DefaultClient"/>.</summary>
    public const string ClientId = "client-id";

    /// <summary>The payload's fingerprint, 64 hex digits; when absent it is taken from the body.</summary>
    public const string Fingerprint = "Idempotency-Fingerprint";

    /// <summary>When the submission was accepted, milliseconds since 1970, UTC; when absent the time it was sent counts.</summary>
    public const string AcceptedAt = "accepted-at-ms";

    /// <summary>W3C trace context.</summary>
    public const string TraceParent = "traceparent";

    /// <summary>The client of a message that names none.</summary>
    public const string DefaultClient = "external";
}
