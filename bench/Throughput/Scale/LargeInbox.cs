using System.Globalization;

namespace Messaging.Throughput;

/// <summary>
/// An inbox that remembers millions of keys of another operation, in the order in which they came. The oldest tenth is past the horizon, and has
/// its submissions, which are forgotten with it.
/// </summary>
internal static class LargeInbox
{
    /// <summary>How many of them it still remembers.</summary>
    public const string Remembered = "SELECT count(*) FROM inbox WHERE operation = 'filler'";

    private const int Chunk = 1_000_000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    /// <summary>Through the indexes, as they fill in use, not built afterwards.</summary>
    public static async Task FillAsync(Ground ground, int rows)
    {
        for (var from = 0; from < rows; from += Chunk)
        {
            await ExecuteAsync(ground, string.Create(CultureInfo.InvariantCulture, $"""
                INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms, status, completed_at_ms)
                SELECT md5('key' || n)::uuid, 'bench', 'filler', 'filler-' || n || '-of-the-bench', sha256(n::text::bytea), md5('claim' || n / 100)::uuid, at, at, 'created', at
                FROM (SELECT n, (extract(epoch FROM now()) * 1000)::bigint
                             - CASE WHEN n <= {rows} / 10 THEN 2592000000 ELSE 0 END - (518400000.0 * ({rows} - n) / {rows})::bigint AS at
                      FROM generate_series({from + 1}, {Math.Min(from + Chunk, rows)}) AS n) AS rows
                """));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Math.Min(from + Chunk, rows):#,0} rows in the inbox"));
        }

        await ExecuteAsync(ground, """
            INSERT INTO submissions (key_digest, id, client, operation, idempotency_key, fingerprint, destination, message_type, body, acceptance, accepted_at_ms)
            SELECT key_digest, md5('id' || key_digest)::uuid, client, operation, idempotency_key, fingerprint, 'queue:filler', 'urn:message:Bench:Filler',
                   repeat('b', 200), repeat('a', 100), accepted_at_ms
            FROM inbox WHERE operation = 'filler' AND accepted_at_ms < (extract(epoch FROM now()) * 1000)::bigint - 2592000000 ORDER BY accepted_at_ms
            """);
        await ExecuteAsync(ground, "VACUUM (ANALYZE) inbox, submissions");
        await CheckpointAsync(ground);
    }

    public static Task CheckpointAsync(Ground ground) => ExecuteAsync(ground, "CHECKPOINT");

    private static async Task ExecuteAsync(Ground ground, string sql)
    {
        await using var command = ground.DataSource.CreateCommand(sql);
        command.CommandTimeout = (int)Limit.TotalSeconds;
        await command.ExecuteNonQueryAsync();
    }
}
