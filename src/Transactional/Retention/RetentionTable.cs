using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>
/// The statements that forget. A key is settled once its own payload has its outcome, no message of it waits for the broker, and no
/// operator has one to look at. Whatever is not settled stays, however old: its key goes on meaning something. Rows are found by index: where
/// millions are to be forgotten, PostgreSQL would read both tables whole for each bite.
/// </summary>
internal static class RetentionTable
{
    /// <summary>Retention waits for nobody's lock for longer; it comes again at its next turn.</summary>
    private const int LockWaitMilliseconds = 1_000;

    /// <summary>Settled keys of submissions, and when they were accepted, oldest first. Both rows of each are locked.</summary>
    public static string PickSettled(Dialect dialect) => dialect.ByIndex(dialect.LockSome(
        "s.key_digest, s.accepted_at_ms", ["submissions AS s", "inbox AS i"], """
        s.accepted_at_ms >= @from_ms AND s.accepted_at_ms < @horizon_ms
          AND i.key_digest = s.key_digest AND i.fingerprint = s.fingerprint AND i.accepted_at_ms < @horizon_ms
          AND NOT EXISTS (SELECT 1 FROM outgoing_messages AS o WHERE o.id = s.id)
          AND NOT EXISTS (SELECT 1 FROM parked_messages AS p WHERE p.key_digest = s.key_digest)
        """, "s.accepted_at_ms"), LockWaitMilliseconds);

    /// <summary>
    /// The same for keys that have no submission, because a foreign producer sent them. What their messages say of their age is the
    /// producer's word; one that was claimed within the horizon, or says that it comes from the future, is remembered.
    /// </summary>
    public static string PickForeign(Dialect dialect) => dialect.ByIndex(dialect.LockSome(
        "i.key_digest, i.claimed_at_ms", ["inbox AS i"], """
        i.claimed_at_ms >= @from_ms AND i.claimed_at_ms < @horizon_ms AND i.accepted_at_ms < @horizon_ms
          AND NOT EXISTS (SELECT 1 FROM submissions AS s WHERE s.key_digest = i.key_digest)
          AND NOT EXISTS (SELECT 1 FROM parked_messages AS p WHERE p.key_digest = i.key_digest)
        """, "i.claimed_at_ms"), LockWaitMilliseconds);

    public static string DeleteSubmissions(Dialect dialect, DbCommand command, IReadOnlyList<Guid> digests) =>
        Delete(dialect, command, "submissions", digests);

    public static string DeleteInbox(Dialect dialect, DbCommand command, IReadOnlyList<Guid> digests) =>
        Delete(dialect, command, "inbox", digests);

    /// <summary>When the oldest submission that is remembered was accepted.</summary>
    public const string Oldest = "SELECT MIN(accepted_at_ms) FROM submissions";

    private static string Delete(Dialect dialect, DbCommand command, string table, IReadOnlyList<Guid> digests) => dialect.ByIndex(
        $"DELETE FROM {table} WHERE key_digest IN (SELECT d.key_digest FROM {dialect.Source(command, RowSet.OfIds("key_digest", digests), "d")})");
}
