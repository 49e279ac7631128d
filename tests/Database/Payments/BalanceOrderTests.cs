using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Database;

/// <summary>Batches that need the same balances wait for each other, and never in a circle. On PostgreSQL, which ends one of those a second later.</summary>
public sealed class BalanceOrderTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task Batches_that_need_the_same_balances_in_opposite_orders_do_not_deadlock()
    {
        const int clients = 40, rounds = 2;
        using var deadlocks = new FaultsMet(fault => fault.SqlState == PostgresErrorCodes.DeadlockDetected);
        Engine[] engines = [await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1)), await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1))];
        await engines[0].ProcessAsync(CapturePayment.Operation, Enumerable.Range(0, clients).Select(i => Message.OfPayment("first", 1, $"client-{i}")));

        // So slow that two batches are sure to be at it at once.
        await Tables.ExecuteAsync("CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$");
        await Tables.ExecuteAsync("CREATE TRIGGER linger BEFORE UPDATE ON balances FOR EACH ROW EXECUTE FUNCTION linger()");
        for (var round = 0; round < rounds; round++)
        {
            await Task.WhenAll(engines.Select((engine, which) => engine.ProcessAsync(CapturePayment.Operation, Enumerable.Range(0, clients).Select(i =>
                Message.OfPayment($"key-{round}-{which}", 1, $"client-{(which == 0 ? i : clients - 1 - i)}")))));
        }

        Assert.Equal(0, deadlocks.Count);
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        Assert.Equal(clients, await Tables.CountAsync("balances", $"amount = {1 + (2 * rounds)}"));
    }
}
