using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>
/// Step 4, first part: reads MassTransit's envelope and plain JSON alike. The identity comes from headers, the message from the body.
/// </summary>
internal static class DeliveryReader
{
    public static Reading Read(Delivery delivery, Operation operation, DateTimeOffset receivedAt)
    {
        var isEnvelope = MassTransitEnvelope.IsContentType(delivery.ContentType);
        if (!isEnvelope && !IsJson(delivery.ContentType))
        {
            return new Unreadable(ParkingReason.UnsupportedContentType,
                $"The content type is '{delivery.ContentType}'; application/json or {MassTransitEnvelope.ContentType} is expected.",
                delivery.TextHeader(MessageHeaders.ClientId), delivery.TextHeader(MessageHeaders.IdempotencyKey));
        }

        string? client = null, key = null;
        Guid? digest = null;
        Fingerprint? known = null;
        DateTimeOffset? accepted = null;
        try
        {
            var envelope = isEnvelope ? MassTransitEnvelope.Read(delivery.Body) : new MassTransitEnvelope(delivery.Body, new Dictionary<string, string>());
            key = Header(MessageHeaders.IdempotencyKey);
            client = Header(MessageHeaders.ClientId) ?? MessageHeaders.DefaultClient;
            if (key is null)
            {
                return delivery.Headers.ContainsKey(MessageHeaders.IdempotencyKey)
                    ? new Unreadable(ParkingReason.KeyInvalid, "The Idempotency-Key header is no text.", client, null)
                    : new Unreadable(ParkingReason.KeyMissing, "The Idempotency-Key header is missing.", client, null);
            }

            var scoped = new ScopedKey(client, operation.Name, key);
            digest = scoped.ToDigest();
            known = isEnvelope && Fingerprint.TryParse(Header(MessageHeaders.Fingerprint), out var given) ? given : null;
            var acceptedAt = long.TryParse(Header(MessageHeaders.AcceptedAt), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
                    ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
                    : delivery.SentAt ?? receivedAt;
            accepted = acceptedAt;
            if ((FindProblem("Idempotency-Key", key) ?? FindProblem("client-id", client)) is { } problem)
            {
                // With what leads from a submission to it: whoever accepted it must be able to tell what became of it.
                return new Unreadable(ParkingReason.KeyInvalid, problem, client, key, digest, known, accepted);
            }

            var fingerprint = known ?? Fingerprint.Of(operation.Name, envelope.Message);
            known = fingerprint;
            var message = operation.Read(envelope.Message, foreign: !isEnvelope, scoped, fingerprint, acceptedAt);
            return new Candidate(scoped, digest.Value, fingerprint, acceptedAt, message, TraceParent());

            // Anybody may write this header; what is no trace context neither travels on nor stops the message.
            string? TraceParent() => Header(MessageHeaders.TraceParent) is { } trace && ActivityContext.TryParse(trace, null, out _) ? trace : null;

            string? Header(string name) => delivery.TextHeader(name) ?? envelope.Headers.GetValueOrDefault(name);
        }
        catch (Exception exception)
        {
            // Reading is pure: what fails fails again. So also an exception that a service's own reading code did not mean to throw
            // parks the message; thrown on, it would come back for ever.
            return new Unreadable(ParkingReason.Malformed, exception is JsonException ? exception.Message : exception.ToString(), client, key, digest, known, accepted);
        }
    }

    private static bool IsJson(string? contentType)
    {
        var mediaType = contentType.AsSpan();
        var end = mediaType.IndexOf(';');
        mediaType = (end < 0 ? mediaType : mediaType[..end]).Trim();
        return mediaType.IsEmpty || mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase);
    }

    private static string? FindProblem(string name, string value) =>
        value.Length is 0 or > ScopedKey.MaxLength ? $"The {name} header has {value.Length} characters; 1 to {ScopedKey.MaxLength} are allowed."
        : name == MessageHeaders.ClientId && (value[0] == ' ' || value[^1] == ' ') ? $"The {name} header begins or ends with a space."
        : value.AsSpan().ContainsAnyExceptInRange(' ', '~') ? $"The {name} header has characters outside visible ASCII and space."
        : null;
}
