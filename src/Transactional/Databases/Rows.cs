namespace Messaging.Transactional;

/// <summary>The readable parts of a digest, kept for operators; the digest alone decides.</summary>
internal interface IScopedRow
{
    string Client { get; }

    string Operation { get; }

    string IdempotencyKey { get; }
}

/// <summary>One accepted request. Written once, never updated.</summary>
internal sealed class SubmissionRow : IScopedRow
{
    public required Guid KeyDigest { get; init; }

    public required Guid Id { get; init; }

    public required string Client { get; init; }

    public required string Operation { get; init; }

    public required string IdempotencyKey { get; init; }

    public required byte[] Fingerprint { get; init; }

    public required string Destination { get; init; }

    public required string MessageType { get; init; }

    public required string Body { get; init; }

    public required string Acceptance { get; init; }

    public required long AcceptedAtMs { get; init; }

    public string? TraceParent { get; init; }
}

/// <summary>
/// One key that took effect, with its outcome. <c>ClaimId</c> names the transaction that claimed it; <c>AcceptedAtMs</c> is what its
/// message said, 0 where the row is older than this column.
/// </summary>
internal sealed class InboxRow : IScopedRow
{
    public required Guid KeyDigest { get; init; }

    public required string Client { get; init; }

    public required string Operation { get; init; }

    public required string IdempotencyKey { get; init; }

    public required byte[] Fingerprint { get; init; }

    public required Guid ClaimId { get; init; }

    public required long ClaimedAtMs { get; init; }

    public required long AcceptedAtMs { get; init; }

    public string? Status { get; init; }

    public string? Result { get; init; }

    public long? CompletedAtMs { get; init; }
}

/// <summary>One message that waits to be confirmed by the broker. Deleted after the confirm.</summary>
internal sealed class OutgoingRow
{
    public required Guid Id { get; init; }

    public required string Destination { get; init; }

    public required string MessageType { get; init; }

    public required string Body { get; init; }

    public required string Client { get; init; }

    public required string IdempotencyKey { get; init; }

    public byte[]? Fingerprint { get; init; }

    public required long AcceptedAtMs { get; init; }

    public string? TraceParent { get; init; }

    public required long Attempts { get; init; }

    public required long LeasedUntilMs { get; init; }

    public string? LastError { get; init; }
}

/// <summary>One message that waits for an operator, as it came.</summary>
internal sealed class ParkedRow
{
    public required Guid Id { get; init; }

    public required Guid ContentDigest { get; init; }

    public Guid? KeyDigest { get; init; }

    public required string Queue { get; init; }

    public required string Operation { get; init; }

    public string? Client { get; init; }

    public string? IdempotencyKey { get; init; }

    public byte[]? Fingerprint { get; init; }

    public required string Reason { get; init; }

    public required string Error { get; init; }

    public string? MessageId { get; init; }

    public string? ContentType { get; init; }

    public required string Headers { get; init; }

    public required byte[] Body { get; init; }

    public required long DeliveryCount { get; init; }

    public required long ParkedAtMs { get; init; }

    public long? AcceptedAtMs { get; init; }
}

/// <summary>One key whose message runs alone, or ran when its process died. Deleted once a process has survived it.</summary>
internal sealed class FatalAttemptsRow
{
    public required Guid KeyDigest { get; init; }

    public required long Attempts { get; init; }

    public required long AttemptedAtMs { get; init; }
}
