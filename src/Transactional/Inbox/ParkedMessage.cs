using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>A message that waits for an operator, as it came, with the reason.</summary>
internal sealed record ParkedMessage(Delivery Delivery, string Operation, string Reason, string Error, string? Client, string? Key, Guid? Digest, Fingerprint? Fingerprint, DateTimeOffset? AcceptedAt)
{
    private const int MaxErrorLength = 4000;

    private const string Columns =
        "id, content_digest, key_digest, queue, operation, client, idempotency_key, fingerprint, reason, error, message_id, content_type, headers, body, delivery_count, parked_at_ms, accepted_at_ms";

    public static ParkedMessage Of(Delivery delivery, string operation, Unreadable unreadable) =>
        new(delivery, operation, unreadable.Reason, unreadable.Error, unreadable.Client, unreadable.Key, unreadable.Digest, unreadable.Fingerprint, unreadable.AcceptedAt);

    public static ParkedMessage Of(Delivery delivery, Candidate candidate, string reason, string error) =>
        new(delivery, candidate.Key.Operation, reason, error, candidate.Key.Client, candidate.Key.Key, candidate.Digest, candidate.Fingerprint, candidate.AcceptedAt);

    /// <summary>Those of a batch that are parked, each with its reason.</summary>
    public static List<ParkedMessage> Find(Operation operation, IReadOnlyList<ReadDelivery> batch, InboxDecision[] decisions) =>
        [.. batch.Select((item, at) => Of(operation, item, decisions[at])).OfType<ParkedMessage>()];

    /// <summary>
    /// Parks each message once: one that is run again, because the answer to an earlier commit was lost, is recognised by its row; one that the
    /// broker hands out again, because the acknowledgement after it was, by its content. Two separate messages of equal content are two rows.
    /// </summary>
    public static string Insert(Dialect dialect, DbCommand command, IReadOnlyList<ParkedMessage> messages, long nowMs)
    {
        var rows = RowSet.Of(messages, (set, all) => set
            .Ids("id", all, m => m.Delivery.ParkedId)
            .Ids("content_digest", all, m => m.ContentDigest())
            .Ids("key_digest", all, m => m.Digest)
            .Text("queue", all, m => m.Delivery.Queue)
            .Text("operation", all, m => m.Operation)
            .Text("client", all, m => StorableText.Of(m.Client))
            .Text("idempotency_key", all, m => StorableText.Of(m.Key))
            .Bytes("fingerprint", all, m => m.Fingerprint?.ToBytes())
            .Text("reason", all, m => m.Reason)
            .Text("error", all, m => StorableText.Of(m.Error, MaxErrorLength))
            .Text("message_id", all, m => StorableText.Of(m.Delivery.MessageId))
            .Text("content_type", all, m => StorableText.Of(m.Delivery.ContentType))
            .Text("headers", all, m => m.HeadersJson())
            .Bytes("body", all, m => m.Delivery.Body.ToArray())
            .Numbers("delivery_count", all, m => m.Delivery.DeliveryCount)
            .Numbers("parked_at_ms", all, _ => nowMs)
            .Numbers("accepted_at_ms", all, m => m.AcceptedAt?.ToUnixTimeMilliseconds())
            .Numbers("redelivered", all, m => m.Delivery.Redelivered ? 1 : 0));
        return $"""
            INSERT INTO parked_messages ({Columns}) SELECT {Columns} FROM {dialect.Source(command, rows, "p")}
            WHERE NOT EXISTS (SELECT 1 FROM parked_messages AS r WHERE r.id = p.id)
              AND (p.redelivered = 0 OR NOT EXISTS (SELECT 1 FROM parked_messages AS e WHERE e.content_digest = p.content_digest AND e.reason = p.reason))
            """;
    }

    private static ParkedMessage? Of(Operation operation, ReadDelivery item, InboxDecision decision) => (decision, item.Reading) switch
    {
        (InboxDecision.Conflict, Candidate candidate) =>
            Of(item.Delivery, candidate, ParkingReason.Conflict, "This key has already taken effect with another payload."),
        (InboxDecision.TooLate, Candidate candidate) =>
            Of(item.Delivery, candidate, ParkingReason.TooLate, $"Accepted at {candidate.AcceptedAt:O}, before the retention horizon: whether it has taken effect is no longer known."),
        (InboxDecision.Unreadable, Unreadable unreadable) => Of(item.Delivery, operation.Name, unreadable),
        _ => null,
    };

    private Guid ContentDigest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in (string?[])[Delivery.Queue, Delivery.MessageId, Client, Key])
        {
            hash.AppendData(Encoding.UTF8.GetBytes(part ?? ""));
            hash.AppendData([0]);
        }

        hash.AppendData(Delivery.Body.Span);
        return new Guid(hash.GetHashAndReset().AsSpan(0, 16), bigEndian: true);
    }

    private string HeadersJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var name in Delivery.Headers.Keys)
            {
                writer.WriteString(name, Delivery.TextHeader(name) ?? Convert.ToString(Delivery.Headers[name], System.Globalization.CultureInfo.InvariantCulture));
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
