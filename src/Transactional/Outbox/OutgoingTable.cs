using System.Data.Common;
using System.Text;

namespace Messaging.Transactional;

/// <summary>
/// The statements on <c>outgoing_messages</c>. A row is leased, not locked, while it is on its way: no transaction stays open over
/// the broker's answer. Whoever inserts a row holds its first lease, because it also hands the message to its own dispatcher.
/// </summary>
internal static class OutgoingTable
{
    private const string InsertColumns =
        "id, destination, message_type, body, client, idempotency_key, fingerprint, accepted_at_ms, trace_parent, attempts, leased_until_ms";

    private const string FromSubmission =
        "s.id, s.destination, s.message_type, s.body, s.client, s.idempotency_key, s.fingerprint, s.accepted_at_ms, s.trace_parent, 0";

    /// <summary>One row for each of the submissions <c>s</c>, which this very transaction inserted.</summary>
    public static string InsertFor(Dialect dialect, string submissions) => $"""
        INSERT INTO outgoing_messages ({InsertColumns})
        SELECT {FromSubmission}, {dialect.NowMilliseconds} + @lease_ms
        FROM {submissions}
        """;

    /// <summary>
    /// One row for each submission in the window that has no outcome, no outgoing row left and does not wait for an operator:
    /// its message was lost behind the broker's confirm. One whose key took effect with another payload has to come back too: it is parked.
    /// </summary>
    public static string InsertForLostSubmissions(Dialect dialect) => InsertAgain(dialect, """
        AND NOT EXISTS (SELECT 1 FROM inbox AS i WHERE i.key_digest = s.key_digest AND i.fingerprint = s.fingerprint)
          AND NOT EXISTS (SELECT 1 FROM parked_messages AS p WHERE p.key_digest = s.key_digest AND p.fingerprint = s.fingerprint
                            AND (p.accepted_at_ms = s.accepted_at_ms OR p.accepted_at_ms IS NULL))
        """);

    /// <summary>One row for each submission in the window that has none, whatever became of it.</summary>
    public static string InsertForAllSubmissions(Dialect dialect) => InsertAgain(dialect, "");

    /// <summary>Several publishers may look at once: a row that another one is inserting is waited for, in the order of the ids, and then left to it.</summary>
    private static string InsertAgain(Dialect dialect, string condition) => dialect.InsertIfAbsent("outgoing_messages", "id", InsertColumns, $"""
        (SELECT {FromSubmission} AS attempts, {dialect.NowMilliseconds} AS leased_until_ms
        FROM submissions AS s
        WHERE s.accepted_at_ms >= @from_ms AND s.accepted_at_ms <= @to_ms
          AND NOT EXISTS (SELECT 1 FROM outgoing_messages AS o WHERE o.id = s.id)
          {condition}) AS lost
        """, "lost");

    /// <summary>Messages that a handler sends, in the handler's transaction.</summary>
    public static string Insert(Dialect dialect, DbCommand command, IReadOnlyList<OutgoingMessage> messages)
    {
        var rows = RowSet.Of(messages, (set, all) => set
            .Ids("id", all, m => m.Id)
            .Text("destination", all, m => m.Destination.Address)
            .Text("message_type", all, m => m.MessageType)
            .Text("body", all, m => Encoding.UTF8.GetString(m.Body))
            .Text("client", all, m => m.Client)
            .Text("idempotency_key", all, m => m.IdempotencyKey)
            .Bytes("fingerprint", all, m => m.Fingerprint?.ToBytes())
            .Numbers("accepted_at_ms", all, m => m.AcceptedAtMs)
            .Text("trace_parent", all, m => m.TraceParent));
        return $"""
            INSERT INTO outgoing_messages ({InsertColumns})
            SELECT m.id, m.destination, m.message_type, m.body, m.client, m.idempotency_key, m.fingerprint, m.accepted_at_ms, m.trace_parent, 0, {dialect.NowMilliseconds} + @lease_ms
            FROM {dialect.Source(command, rows, "m")}
            """;
    }

    /// <summary>Takes up to <paramref name="limit"/> rows that nobody has a lease of, for so long, and reads them.</summary>
    public static string Lease(Dialect dialect, DbCommand command, int limit, long milliseconds)
    {
        Dialect.Add(command, "@limit", limit);
        Dialect.Add(command, "@lease_ms", milliseconds);
        return dialect.ByIndex(dialect.LeaseOutgoing(OutgoingMessage.Columns));
    }

    public static string Delete(Dialect dialect, DbCommand command, IReadOnlyList<Guid> ids) =>
        $"DELETE FROM outgoing_messages WHERE id IN (SELECT d.id FROM {dialect.Source(command, RowSet.OfIds("id", ids), "d")})";

    /// <summary>Puts a message that cannot be sent now behind the others, for longer each time. Shares a command with <see cref="Delete"/>, so the rows have another name.</summary>
    public static string Defer(Dialect dialect, DbCommand command, IReadOnlyList<(Guid Id, long DelayMilliseconds, string Error)> messages)
    {
        var rows = RowSet.Of(messages, (set, all) => set
            .Ids("id", all, m => m.Id)
            .Numbers("delay_ms", all, m => m.DelayMilliseconds)
            .Text("error", all, m => StorableText.Of(m.Error, 1000)));
        return dialect.UpdateFrom("outgoing_messages", $"attempts = t.attempts + 1, last_error = f.error, leased_until_ms = {dialect.NowMilliseconds} + f.delay_ms",
            dialect.Source(command, rows, "f"), "t.id = f.id");
    }

    /// <summary>How much waits, and since when.</summary>
    public const string Measure = "SELECT COUNT(*), MIN(accepted_at_ms) FROM outgoing_messages";

    /// <summary>Ends every lease: only for a database that no other process dispatches from.</summary>
    public const string EndLeases = "UPDATE outgoing_messages SET leased_until_ms = 0";
}
