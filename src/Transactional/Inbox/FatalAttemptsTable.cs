using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>The statements on <c>fatal_attempts</c>.</summary>
internal static class FatalAttemptsTable
{
    public const string Count = "SELECT COALESCE(MAX(attempts), 0) FROM fatal_attempts WHERE key_digest = @key_digest";

    /// <summary>The process is still there.</summary>
    public const string Delete = "DELETE FROM fatal_attempts WHERE key_digest = @key_digest";

    /// <summary>One attempt less, of those that are on record.</summary>
    public const string TakeBack = "UPDATE fatal_attempts SET attempts = attempts - 1 WHERE key_digest = @key_digest";

    public const string Forget = "DELETE FROM fatal_attempts WHERE attempted_at_ms < @horizon_ms";

    /// <summary>One attempt more.</summary>
    public static string Add(Dialect dialect, DbCommand command, Guid key)
    {
        var row = RowSet.Of([key], (set, rows) => set.Ids("key_digest", rows, k => k).Numbers("attempts", rows, _ => 0).Numbers("attempted_at_ms", rows, _ => 0));
        return dialect.InsertIfAbsent("fatal_attempts", "key_digest", "key_digest, attempts, attempted_at_ms", dialect.Source(command, row, "f"), "f")
            + "; UPDATE fatal_attempts SET attempts = attempts + 1, attempted_at_ms = @now_ms WHERE key_digest = @key_digest";
    }
}
