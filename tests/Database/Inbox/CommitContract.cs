using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Database;

/// <summary>Claim, effect, outcome and event are committed together or not at all, whatever happens to the commit.</summary>
public abstract class CommitContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task A_commit_that_the_database_refuses_leaves_nothing_behind()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.SqlServer, "Declared difference: SQL Server has no deferred constraints, so a commit does not fail by itself.");
        await Tables.ExecuteAsync("CREATE TABLE parents (id int NOT NULL PRIMARY KEY)");
        await Tables.ExecuteAsync("CREATE TABLE children (parent int NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
        var engine = await StartEngineAsync(s => s.Script.On("orphan", (_, database) => database.Database.ExecuteSqlAsync($"INSERT INTO children VALUES (1)")));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("a", "good"), Message.OfProbe("k", "orphan"), Message.OfProbe("b", "good"));

        Assert.Equal([ParkingReason.Poison], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'k'"));
        Assert.Equal(0, await Tables.EffectsAsync("k") + await Tables.CountAsync("children"));
        Assert.Equal(2, await Tables.CountAsync("orders", "item = 'good'"));
        await Tables.AssertAtomicAsync();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.DoesNotContain(engine.Broker.Sent, m => m.IdempotencyKey.Contains("/k/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(10)]
    public async Task An_exception_in_handler_k_of_n_leaves_no_half_of_anything(int k)
    {
        var engine = await StartEngineAsync(s => s.Script.Throws("flaky", times: 2));

        await engine.ProcessInOneBatchAsync(Enumerable.Range(1, 10).Select(i => Message.OfProbe($"key-{i}", i == k ? "flaky" : "good")));

        Assert.Equal(10, await Tables.CountAsync("orders", "item IN ('good', 'flaky')"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task A_handler_that_saves_before_it_asks_is_told_of_what_the_messages_before_it_in_the_batch_wrote()
    {
        var told = new List<int>();
        var engine = await StartEngineAsync(s => s.Script.On("asks", async (_, database) =>
        {
            await database.SaveChangesAsync(Cancelled);
            told.Add(await database.Orders.CountAsync(o => o.Item == "asks", Cancelled));
        }));

        await engine.ProcessInOneBatchAsync(Enumerable.Range(1, 3).Select(i => Message.OfProbe($"key-{i}", "asks")));

        Assert.Equal([1, 2, 3], told);
        Assert.Equal(3, await Tables.CountAsync("orders", "item = 'asks'"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task A_handler_that_removes_its_own_claim_has_no_effect()
    {
        var engine = await StartEngineAsync(s => s.Script.On("eraser", (_, database) => database.Database.ExecuteSqlAsync($"DELETE FROM inbox WHERE idempotency_key = 'k'")));

        // With a conflict among them, whose row in parked_messages makes up for none of the inbox.
        await engine.ProcessInOneBatchAsync(Message.OfProbe("a", "good"), Message.OfProbe("k", "eraser"), Message.OfProbe("b", "good"), Message.OfProbe("a", "other"));

        Assert.Equal([ParkingReason.Poison], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'k'"));
        Assert.Equal([ParkingReason.Conflict], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'a'"));
        Assert.Equal(0, await Tables.EffectsAsync("k"));
        Assert.Equal(2, await Tables.CountAsync("orders", "item = 'good'"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task An_event_waits_in_the_same_transaction_as_its_cause()
    {
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("a"), Message.OfProbe("b"));

        Assert.Equal(
            [$"{Probe.Operation}/{Message.Client}/a/1", $"{Probe.Operation}/{Message.Client}/b/1"],
            await Tables.TextsAsync("SELECT idempotency_key FROM outgoing_messages ORDER BY idempotency_key"));
    }

    [Fact]
    public async Task Deliveries_that_an_engine_did_not_finish_before_it_stopped_take_effect_in_the_next_one()
    {
        var first = await StartEngineAsync(s => s.Script.Throws("flaky", times: 1).On("good", (_, _) => Task.CompletedTask));
        var deliveries = Enumerable.Range(0, 50).Select(i => Message.OfProbe($"key-{i}", i % 7 == 0 ? "flaky" : "good")).ToList();
        var unfinished = deliveries.ConvertAll(d => first.ProcessAsync(Probe.Operation, d));
        await first.DisposeAsync();
        var kept = (await Task.WhenAll(unfinished.Select(async (task, i) =>
        {
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return task.IsCompletedSuccessfully ? null : deliveries[i];
        }))).OfType<Delivery>();

        var second = await StartEngineAsync();
        await second.ProcessAsync(Probe.Operation, kept);

        Assert.Equal(50, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }
}

public sealed class CommitOnSqlite(SharedServers servers) : CommitContract(servers, DatabaseProvider.Sqlite);

public sealed class CommitOnPostgreSql(SharedServers servers) : CommitContract(servers, DatabaseProvider.PostgreSql);

public sealed class CommitOnSqlServer(SharedServers servers) : CommitContract(servers, DatabaseProvider.SqlServer);
