using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>
/// The comparisons, each giving client and key of what offends. As outer joins and not as NOT EXISTS: effect tables have no index on the
/// key, and SQLite would read the whole table again for every row.
/// </summary>
internal static class AuditQueries
{
    /// <summary>Also of those that only foreign producers send.</summary>
    public const string Operations = "SELECT operation, '' FROM submissions UNION SELECT operation, '' FROM inbox";

    /// <summary>Accepted, and there is neither an effect, nor a refusal by the business, nor a parked message.</summary>
    public static string Lost(string table) => $"""
        SELECT s.client, s.idempotency_key
        FROM submissions AS s
        LEFT JOIN {table} AS e ON e.client = s.client AND e.idempotency_key = s.idempotency_key
        LEFT JOIN inbox AS i ON i.key_digest = s.key_digest AND i.status = 'failed'
        LEFT JOIN parked_messages AS p ON p.key_digest = s.key_digest AND p.fingerprint = s.fingerprint
        WHERE s.operation = @operation AND e.client IS NULL AND i.key_digest IS NULL AND p.id IS NULL
        """;

    /// <summary>Accepted, of an operation whose effects are in no table, and there is neither an outcome nor a parked message.</summary>
    public const string WithoutOutcome = """
        SELECT s.client, s.idempotency_key
        FROM submissions AS s
        LEFT JOIN inbox AS i ON i.key_digest = s.key_digest AND i.status IS NOT NULL
        LEFT JOIN parked_messages AS p ON p.key_digest = s.key_digest AND p.fingerprint = s.fingerprint
        WHERE s.operation = @operation AND i.key_digest IS NULL AND p.id IS NULL
        """;

    public static string Doubled(string table) =>
        $"SELECT client, idempotency_key FROM {table} GROUP BY client, idempotency_key HAVING COUNT(*) > 1";

    /// <summary>Took effect with another payload than the one accepted, and the accepted one is not parked as the conflict it then is.</summary>
    public const string OtherPayload = """
        SELECT s.client, s.idempotency_key
        FROM inbox AS i JOIN submissions AS s ON s.key_digest = i.key_digest
        LEFT JOIN parked_messages AS p ON p.key_digest = s.key_digest AND p.reason = 'conflict'
        WHERE i.fingerprint <> s.fingerprint AND p.id IS NULL
        """;

    /// <summary>A success without an effect, or a refusal by the business with one.</summary>
    public static string OutcomeAgainstEffect(string table) => $"""
        SELECT i.client, i.idempotency_key
        FROM inbox AS i LEFT JOIN {table} AS e ON e.client = i.client AND e.idempotency_key = i.idempotency_key
        WHERE i.operation = @operation AND ((e.client IS NULL AND i.status <> 'failed') OR (e.client IS NOT NULL AND i.status = 'failed'))
        """;

    public static string EffectWithoutClaim(string table, bool allowForgotten) => $"""
        SELECT e.client, e.idempotency_key
        FROM {table} AS e
        LEFT JOIN inbox AS i ON i.client = e.client AND i.idempotency_key = e.idempotency_key AND i.operation = @operation
        LEFT JOIN submissions AS s ON s.client = e.client AND s.idempotency_key = e.idempotency_key AND s.operation = @operation
        WHERE i.key_digest IS NULL{(allowForgotten ? " AND s.key_digest IS NOT NULL" : "")}
        """;

    public const string ClaimedWithoutOutcome = "SELECT client, idempotency_key FROM inbox WHERE status IS NULL";

    public const string ParkedBodies = """
        SELECT s.client, s.idempotency_key, p.body, s.body
        FROM parked_messages AS p JOIN submissions AS s ON s.key_digest = p.key_digest AND p.fingerprint = s.fingerprint
        """;

    /// <summary>Balances that are not the sum of their entries. SQLite keeps an amount as text: there the sum is of ten-thousandths.</summary>
    public static string WrongBalances(EffectTable effects, DatabaseProvider provider)
    {
        Func<string, string> amount = provider == DatabaseProvider.Sqlite
            ? column => $"CAST(ROUND(CAST({column} AS REAL) * 10000) AS INTEGER)"
            : column => column;
        return $"""
            SELECT COALESCE(l.client, b.client), COALESCE(l.currency, b.currency)
            FROM (SELECT client, currency, SUM({amount("amount")}) AS amount FROM {effects.Table} GROUP BY client, currency) AS l
            FULL JOIN {effects.Balances} AS b ON b.client = l.client AND b.currency = l.currency
            WHERE l.amount IS NULL OR b.amount IS NULL OR l.amount <> {amount("b.amount")}
            """;
    }

    public const string JournalSide = "SELECT client, idempotency_key, operation, fingerprint, acceptance FROM submissions";

    public const string ClaimedKeys = "SELECT client, idempotency_key FROM inbox";
}
