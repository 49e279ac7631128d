using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>PostgreSQL plans the poller's statement once, in a life in which its table is nearly always empty; then a backlog comes.</summary>
public sealed class LeasePlanTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    private const int Backlog = 3000;
    private const int Limit = 200;

    [Fact]
    public async Task A_plan_that_was_made_on_the_empty_table_leases_a_window_of_a_backlog_and_reads_it_by_index()
    {
        // What a plan believes of the table must not change behind the test, nor the plan with it.
        await Tables.ExecuteAsync("ALTER TABLE outgoing_messages SET (autovacuum_enabled = false)");
        await Tables.ExecuteAsync("VACUUM ANALYZE outgoing_messages");
        var dialect = Build().Database.Dialect;
        await using var connection = await Tables.OpenAsync();
        await using (var session = connection.CreateCommand())
        {
            session.CommandText = "SET plan_cache_mode = force_generic_plan";
            await session.ExecuteNonQueryAsync(Cancelled);
        }

        // From the second time on the driver has it prepared.
        Assert.Equal(0, await LeaseAsync());
        Assert.Equal(0, await LeaseAsync());
        await Tables.ExecuteAsync($"""
            INSERT INTO outgoing_messages (id, destination, message_type, body, client, idempotency_key, accepted_at_ms, attempts, leased_until_ms)
            SELECT md5(n::text)::uuid, 'queue:orders', 'urn:message:Order', '[]', 'acme', 'key-' || n, n, 0, 0 FROM generate_series(1, {Backlog}) AS n
            """);

        Assert.Equal(Limit, await LeaseAsync());

        async Task<int> LeaseAsync()
        {
            await using var transaction = await dialect.BeginAsync(connection, Cancelled);
            var window = 0;
            await using (var command = transaction.CreateCommand())
            {
                command.CommandText = OutgoingTable.Lease(dialect, command, Limit, milliseconds: 60_000);
                await using var reader = await command.ExecuteReaderAsync(Cancelled);
                do
                {
                    while (await reader.ReadAsync(Cancelled))
                    {
                        window++;
                    }
                }
                while (await reader.NextResultAsync(Cancelled));
            }

            await using var scans = transaction.CreateCommand();
            scans.CommandText = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'outgoing_messages'";
            Assert.Equal(0L, await scans.ExecuteScalarAsync(Cancelled));
            await transaction.CommitAsync(Cancelled);
            return window;
        }
    }
}
