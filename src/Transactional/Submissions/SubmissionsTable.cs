using System.Data.Common;
using System.Text;

namespace Messaging.Transactional;

/// <summary>What the table says a key stands for.</summary>
internal readonly record struct KnownSubmission(Guid Id, Fingerprint Fingerprint, byte[] Acceptance);

/// <summary>The statements on <c>submissions</c>.</summary>
internal static class SubmissionsTable
{
    private const string Columns =
        "key_digest, id, client, operation, idempotency_key, fingerprint, destination, message_type, body, acceptance, accepted_at_ms, trace_parent";

    /// <summary>
    /// One round trip: inserts the submissions whose keys are new, their outgoing messages with them, and reads what every key of the
    /// group stands for now. The caller tells its own by their ids. With an ending (<see cref="WriteTransaction.Ending"/>) all this is committed as
    /// well.
    /// </summary>
    /// <returns>Of every key, but one that retention forgot between the insert that found it and the reading.</returns>
    public static async Task<Dictionary<Guid, KnownSubmission>> InsertAsync(
        Dialect dialect, DbCommand command, IReadOnlyList<(Guid Digest, Submission Submission)> group, int lockWaitMilliseconds, int leaseMilliseconds,
        string? ending, CancellationToken cancellationToken)
    {
        var rows = RowSet.Of(group, (set, all) => set
            .Ids("key_digest", all, s => s.Digest)
            .Ids("id", all, s => s.Submission.Id)
            .Text("client", all, s => s.Submission.Key.Client)
            .Text("operation", all, s => s.Submission.Key.Operation)
            .Text("idempotency_key", all, s => s.Submission.Key.Key)
            .Bytes("fingerprint", all, s => s.Submission.Fingerprint.ToBytes())
            .Text("destination", all, s => s.Submission.Destination.Address)
            .Text("message_type", all, s => s.Submission.MessageType)
            .Text("body", all, s => Encoding.UTF8.GetString(s.Submission.Body))
            .Text("acceptance", all, s => Encoding.UTF8.GetString(s.Submission.Acceptance))
            .Numbers("accepted_at_ms", all, s => s.Submission.AcceptedAt.ToUnixTimeMilliseconds())
            .Text("trace_parent", all, s => s.Submission.TraceParent));
        var own = RowSet.Of(group, (set, all) => set.Ids("key_digest", all, s => s.Digest).Ids("id", all, s => s.Submission.Id));
        Dialect.Add(command, "@lease_ms", (long)leaseMilliseconds);
        command.CommandText = dialect.ByIndex(dialect.Claim(new KeyClaim
        {
            Table = "submissions",
            Columns = Columns,
            Rows = dialect.Source(command, rows, "c"),
            Asked = dialect.Source(command, own, "a"),
            Holder = "h.key_digest, h.id, h.fingerprint, h.acceptance",
            Returning = "key_digest, id, client, idempotency_key, fingerprint, destination, message_type, body, accepted_at_ms, trace_parent",
            Then = inserted => OutgoingTable.InsertFor(dialect, inserted),
        }), lockWaitMilliseconds, ending);

        var ours = group.ToDictionary(s => s.Digest, s => new KnownSubmission(s.Submission.Id, s.Submission.Fingerprint, s.Submission.Acceptance));
        var known = new Dictionary<Guid, KnownSubmission>(group.Count);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await Dialect.ReadClaimAsync(
            reader,
            digest => known[digest] = ours[digest],
            row =>
            {
                var (digest, id) = (dialect.ReadId(row, 0), dialect.ReadId(row, 1));
                known[digest] = id == ours[digest].Id ? ours[digest] : new KnownSubmission(id, Fingerprint.FromBytes((byte[])row.GetValue(2)), Encoding.UTF8.GetBytes(row.GetString(3)));
            },
            cancellationToken);
        return known;
    }

    /// <summary>Asks for all that an insert asks for, but a key: no row has the digest or the id <c>@none</c>.</summary>
    public const string ChangeNothing = """
        UPDATE submissions SET accepted_at_ms = accepted_at_ms WHERE key_digest = @none;
        UPDATE outgoing_messages SET attempts = attempts WHERE id = @none
        """;

    /// <summary>
    /// A submission with the outcome of its key. An outcome of another payload (a foreign message that took the key first) is not this
    /// submission's; its own message is then parked as a conflict. A parked message of another age belongs to an earlier life of the key,
    /// which was forgotten; one of unknown age was parked by an older version.
    /// </summary>
    private const string Status = """
        SELECT s.id, s.acceptance, s.accepted_at_ms, i.status, i.result, i.completed_at_ms,
               (SELECT COUNT(*) FROM parked_messages AS p WHERE p.key_digest = s.key_digest AND p.fingerprint = s.fingerprint
                  AND (p.accepted_at_ms = s.accepted_at_ms OR p.accepted_at_ms IS NULL)) AS parked,
               s.client, s.operation
        FROM submissions AS s LEFT JOIN inbox AS i ON i.key_digest = s.key_digest AND i.fingerprint = s.fingerprint
        WHERE 
        """;

    /// <summary>One submission; whose it is, <see cref="BelongsTo"/> tells.</summary>
    public const string Find = Status + "s.id = @id";

    /// <summary>Those of the ids that have an outcome or wait for an operator.</summary>
    public static string FindSettled(string ids) => Status + $"""
        s.id IN (SELECT d.id FROM {ids}) AND (i.status IS NOT NULL OR EXISTS (
            SELECT 1 FROM parked_messages AS q WHERE q.key_digest = s.key_digest AND q.fingerprint = s.fingerprint
               AND (q.accepted_at_ms = s.accepted_at_ms OR q.accepted_at_ms IS NULL)))
        """;

    /// <summary>When the last of the next so many submissions was accepted; nothing when there are fewer.</summary>
    public static string EndOfBite(Dialect dialect) =>
        $"SELECT s.accepted_at_ms FROM submissions AS s WHERE s.accepted_at_ms >= @from_ms AND s.accepted_at_ms <= @to_ms ORDER BY s.accepted_at_ms {dialect.OneAfter("@bite")}";

    /// <summary>Compared here, character by character: SQL Server holds <c>acme</c>, <c>ACME</c> and <c>acme </c> to be equal.</summary>
    public static bool BelongsTo(DbDataReader reader, string client, string operation) => reader.GetString(7) == client && reader.GetString(8) == operation;

    public static SubmissionStatus ReadStatus(Dialect dialect, DbDataReader reader, long retentionMilliseconds)
    {
        var acceptedAt = DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(2));
        var outcome = reader.IsDBNull(3) ? null : Outcome.Stored(reader.GetString(3), reader.IsDBNull(4) ? null : Encoding.UTF8.GetBytes(reader.GetString(4)));
        var state = outcome is not null ? SubmissionState.Completed
            : Convert.ToInt64(reader.GetValue(6), System.Globalization.CultureInfo.InvariantCulture) > 0 ? SubmissionState.Parked
            : SubmissionState.Accepted;
        return new SubmissionStatus(
            dialect.ReadId(reader, 0), state, Encoding.UTF8.GetBytes(reader.GetString(1)), acceptedAt, acceptedAt.AddMilliseconds(retentionMilliseconds),
            outcome, reader.IsDBNull(5) ? null : DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(5)));
    }
}
