using Messaging.Services;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Database;

/// <summary>
/// Whoever claims the same keys waits for the other, and never in a circle. On PostgreSQL, which ends one of those a second later: it would be run
/// again, and all that could be seen of it is the time.
/// </summary>
public sealed class ClaimOrderTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    private const int Keys = 40;

    [Fact]
    public async Task Row09_batches_that_claim_the_same_keys_in_opposite_orders_do_not_deadlock()
    {
        using var deadlocks = new FaultsMet(fault => fault.SqlState == PostgresErrorCodes.DeadlockDetected);
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];
        // So slow that two are sure to be at it at once.
        await Tables.ExecuteAsync("CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$");
        await Tables.ExecuteAsync("CREATE TRIGGER linger BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION linger()");

        await Task.WhenAll(
            engines[0].ProcessInOneBatchAsync(Names.Select(name => Message.OfProbe(name))),
            engines[1].ProcessInOneBatchAsync(Names.Reverse().Select(name => Message.OfProbe(name))));

        Assert.Equal(0, deadlocks.Count);
        Assert.Equal(Keys, await Tables.CountAsync("orders", "item = 'nothing'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    private static IEnumerable<string> Names => Enumerable.Range(0, Keys).Select(i => $"key-{i:00}");
}
