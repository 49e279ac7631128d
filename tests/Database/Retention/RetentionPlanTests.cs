using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Much is to be forgotten at once, as after a stop of days: PostgreSQL must find each bite by index, and not read both tables whole for it.</summary>
public sealed class RetentionPlanTests(SharedServers servers) : RetentionSuite(servers, DatabaseProvider.PostgreSql)
{
    private const int Keys = 20_000;

    [Theory]
    [InlineData(nameof(Retention.Origin.Submission))]
    [InlineData(nameof(Retention.Origin.Foreign))]
    public async Task A_bite_of_many_keys_reads_no_table_whole(string origin)
    {
        var engine = await StartAsync();
        await FillAsync(origin == nameof(Retention.Origin.Submission) ? "TRUE" : "n % 2 = 0");
        await using var connection = await Tables.OpenAsync();
        await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);

        var bite = await engine.Retention.ForgetSomeAsync(transaction, Enum.Parse<Retention.Origin>(origin), 0, Time.GetUtcNow() - Horizon - Tolerance, Cancelled);

        Assert.Equal(500, bite.Keys);
        await using var scans = transaction.CreateCommand();
        scans.CommandText = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname IN ('inbox', 'submissions')";
        Assert.Equal(0L, await scans.ExecuteScalarAsync(Cancelled));
    }

    /// <summary>Settled keys past the horizon; those of a submission where <paramref name="isSubmission"/> holds, the others of foreign producers.</summary>
    private async Task FillAsync(string isSubmission)
    {
        await Tables.ExecuteAsync($"""
            INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms, status, completed_at_ms)
            SELECT md5('key' || n)::uuid, 'acme', 'old', 'key-' || n, sha256(n::text::bytea), md5('claim')::uuid, n, n, 'created', n FROM generate_series(1, {Keys}) AS n
            """);
        await Tables.ExecuteAsync($"""
            INSERT INTO submissions (key_digest, id, client, operation, idempotency_key, fingerprint, destination, message_type, body, acceptance, accepted_at_ms)
            SELECT md5('key' || n)::uuid, md5('id' || n)::uuid, 'acme', 'old', 'key-' || n, sha256(n::text::bytea), 'queue:old', 'urn:message:Old', '[]', '[]', n
            FROM generate_series(1, {Keys}) AS n WHERE {isSubmission}
            """);
        await Tables.ExecuteAsync("ANALYZE inbox, submissions");
    }
}
