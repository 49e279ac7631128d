using System.Data.Common;
using System.Text;

namespace Messaging.Transactional;

/// <summary>A committed message on its way to the broker.</summary>
internal sealed record OutgoingMessage
{
    public required Guid Id { get; init; }

    public required Destination Destination { get; init; }

    public required string MessageType { get; init; }

    public required byte[] Body { get; init; }

    public required string Client { get; init; }

    public required string IdempotencyKey { get; init; }

    public Fingerprint? Fingerprint { get; init; }

    public required long AcceptedAtMs { get; init; }

    public string? TraceParent { get; init; }

    public long Attempts { get; init; }

    public const string Columns =
        "o.id, o.destination, o.message_type, o.body, o.client, o.idempotency_key, o.fingerprint, o.accepted_at_ms, o.trace_parent, o.attempts";

    public static OutgoingMessage Of(Submission submission) => new()
    {
        Id = submission.Id,
        Destination = submission.Destination,
        MessageType = submission.MessageType,
        Body = submission.Body,
        Client = submission.Key.Client,
        IdempotencyKey = submission.Key.Key,
        Fingerprint = submission.Fingerprint,
        AcceptedAtMs = submission.AcceptedAt.ToUnixTimeMilliseconds(),
        TraceParent = submission.TraceParent,
    };

    public static OutgoingMessage Read(Dialect dialect, DbDataReader reader) => new()
    {
        Id = dialect.ReadId(reader, 0),
        Destination = Destination.Parse(reader.GetString(1)),
        MessageType = reader.GetString(2),
        Body = Encoding.UTF8.GetBytes(reader.GetString(3)),
        Client = reader.GetString(4),
        IdempotencyKey = reader.GetString(5),
        Fingerprint = reader.IsDBNull(6) ? null : Transactional.Fingerprint.FromBytes((byte[])reader.GetValue(6)),
        AcceptedAtMs = reader.GetInt64(7),
        TraceParent = reader.IsDBNull(8) ? null : reader.GetString(8),
        Attempts = reader.GetInt64(9),
    };
}
