using System.Data.Common;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>PostgreSQL updates the rows of a claim where they stand, and goes through no index for them a second time.</summary>
public sealed class OutcomePlanTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    private const int Claims = 40;

    [Fact]
    public async Task Outcomes_are_stored_each_on_its_claim_and_no_row_is_searched_for()
    {
        var engine = await StartEngineAsync();
        await engine.ProcessAsync(Probe.Operation, Enumerable.Range(0, 20).Select(i => Message.OfProbe($"taken-{i}")));
        var dialect = engine.Database.Dialect;
        await using var connection = await Tables.OpenAsync();
        await using var transaction = await dialect.BeginAsync(connection, Cancelled);
        var claims = Enumerable.Range(0, Claims).Select(i => Candidate($"key-{i}")).ToList();
        await ClaimAsync(dialect, transaction, [.. claims, .. Enumerable.Range(0, 20).Select(i => Candidate($"taken-{i}"))]);
        var scans = await ScansAsync(transaction);

        // In whatever order they were handled.
        var stored = await StoreAsync(dialect, transaction, claims);

        Assert.Equal((long)Claims, stored);
        Assert.Equal(scans, await ScansAsync(transaction));
        await transaction.CommitAsync(Cancelled);
        Assert.Equal(Claims, await Tables.CountAsync("inbox", "result = idempotency_key AND status = 'done'"));
    }

    /// <summary>Else its message would be committed with what somebody else wrote on its row.</summary>
    [Fact]
    public async Task A_row_that_was_changed_since_its_claim_is_not_counted()
    {
        var dialect = (await StartEngineAsync()).Database.Dialect;
        await using var connection = await Tables.OpenAsync();
        await using var transaction = await dialect.BeginAsync(connection, Cancelled);
        var claims = Enumerable.Range(0, Claims).Select(i => Candidate($"key-{i}")).ToList();
        await ClaimAsync(dialect, transaction, claims);
        await using var change = transaction.CreateCommand();
        change.CommandText = "UPDATE inbox SET claimed_at_ms = 2 WHERE idempotency_key = 'key-7'";
        await change.ExecuteNonQueryAsync(Cancelled);

        Assert.Equal(Claims - 1L, await StoreAsync(dialect, transaction, claims));
    }

    private static Candidate Candidate(string name)
    {
        var key = new ScopedKey(Message.Client, Probe.Operation, name);
        return new Candidate(key, key.ToDigest(), Fingerprint.Of(Probe.Operation, "{}"u8.ToArray()), TimeProvider.System.GetUtcNow(), new object(), null);
    }

    private static async Task ClaimAsync(Dialect dialect, WriteTransaction transaction, List<Candidate> candidates)
    {
        await using var command = transaction.CreateCommand();
        var sorted = candidates.OrderBy(c => c.Digest).ToList();
        var known = await InboxTable.ClaimAsync(dialect, command, Guid.CreateVersion7(), sorted, sorted.ConvertAll(c => c.Digest), 1, lockWaitMilliseconds: 2_000, Cancelled);
        Assert.Equal(candidates.Count, known.Count);
    }

    private static async Task<object?> StoreAsync(Dialect dialect, WriteTransaction transaction, List<Candidate> handled)
    {
        await using var command = transaction.CreateCommand();
        Dialect.Add(command, "@completed_at_ms", 1L);
        var update = InboxTable.StoreOutcomes(dialect, command, handled.ConvertAll(c => new Handled(c, Outcome.Stored("done", System.Text.Encoding.UTF8.GetBytes(c.Key.Key)), null)));
        command.CommandText = dialect.ByIndex(update);
        await using DbDataReader reader = await command.ExecuteReaderAsync(Cancelled);
        while (!await reader.ReadAsync(Cancelled) && await reader.NextResultAsync(Cancelled))
        {
            // What bounds the planner gives no row.
        }

        return reader.GetValue(0);
    }

    private static async Task<object?> ScansAsync(WriteTransaction transaction)
    {
        await using var scans = transaction.CreateCommand();
        scans.CommandText = "SELECT seq_scan + idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'inbox'";
        return await scans.ExecuteScalarAsync(Cancelled);
    }
}
