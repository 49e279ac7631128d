using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>A handler that never ends has failed, whether it listens to its token, waits for something else, or holds its thread.</summary>
public abstract class HandlerTimeoutContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    protected const int LimitMilliseconds = 1_000;

    public enum Ending
    {
        WhenCancelled,
        Never,
        NeverOnItsThread,
    }

    [Theory]
    [InlineData(Ending.WhenCancelled), InlineData(Ending.Never), InlineData(Ending.NeverOnItsThread)]
    public async Task Row15_a_message_whose_handler_never_ends_is_parked_and_its_neighbours_take_effect_once(Ending ending)
    {
        using var end = new ManualResetEventSlim();
        var engine = await StartEngineAsync(s => s
            .With("Inbox:HandlerTimeoutMilliseconds", LimitMilliseconds).With("Inbox:MaxAttempts", 2)
            .Script.On("endless", (_, _, cancellationToken) => HangAsync(ending, end, cancellationToken)));
        var batch = Enumerable.Range(0, 20).Select(i => Message.OfProbe($"key-{i:00}", i == 7 ? "endless" : "good"));

        try
        {
            await engine.ProcessInOneBatchAsync(batch).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);

            Assert.Equal(3, engine.Script.Runs("endless")); // With the others, alone, and once more.
            var row = Assert.Single(await Tables.RowsAsync("SELECT reason, error FROM parked_messages WHERE idempotency_key = 'key-07'"));
            Assert.Equal(ParkingReason.Poison, row[0]);
            Assert.Contains("had not ended after 1000 ms (Inbox__HandlerTimeoutMilliseconds)", (string)row[1]!, StringComparison.Ordinal);
            Assert.Equal(19, await Tables.CountAsync("orders", "item = 'good'"));
            Assert.Equal(0, await Tables.CountAsync("orders", "item = 'endless'"));
            await Tables.AssertAtomicAsync();
        }
        finally
        {
            end.Set();
        }
    }

    [Fact]
    public async Task What_a_handler_does_after_it_was_given_up_takes_no_effect()
    {
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s => s
            .With("Inbox:HandlerTimeoutMilliseconds", LimitMilliseconds).With("Inbox:MaxAttempts", 1)
            .Script.On("late", async (_, database) =>
            {
                await released.Task;
                ended.SetResult(await Record.ExceptionAsync(() => database.SaveChangesAsync(CancellationToken.None)));
            }));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "late"));
        released.SetResult();

        Assert.NotNull(await ended.Task.WaitAsync(Eventually.DefaultLimit, Cancelled));
        Assert.Equal(["k"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Equal(0, await Tables.CountAsync("orders") + await Tables.CountAsync("inbox"));
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("next"));
        Assert.Equal(1, await Tables.EffectsAsync("next"));
    }

    /// <summary>A context that came out of a pool would by then be another batch's, and what is added to it would be committed with that.</summary>
    [Fact]
    public async Task What_a_handler_adds_after_it_was_given_up_is_in_no_other_batch()
    {
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s => s
            .With("Inbox:HandlerTimeoutMilliseconds", 10_000).With("Inbox:MaxAttempts", 1)
            .Script.On("late", async (_, database) =>
            {
                await released.Task;
                ended.SetResult(Record.Exception(() => database.Orders.Add(new OrderRow
                {
                    Id = Guid.CreateVersion7(),
                    OrderId = Guid.CreateVersion7(),
                    Client = Message.Client,
                    IdempotencyKey = "k",
                    Item = "late",
                    Quantity = 1,
                    CreatedAt = TimeProvider.System.GetUtcNow(),
                })));
            })
            .On("meanwhile", async (_, _) =>
            {
                entered.SetResult();
                await ended.Task;
            }));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "late"));
        var meanwhile = engine.ProcessAsync(Probe.Operation, Message.OfProbe("other", "meanwhile"));
        await entered.Task.WaitAsync(Eventually.DefaultLimit, Cancelled);
        released.SetResult();
        await meanwhile;

        Assert.IsType<ObjectDisposedException>(await ended.Task);
        Assert.Equal(["other"], await Tables.TextsAsync("SELECT idempotency_key FROM orders"));
    }

    /// <summary>It is in the middle of a statement, or about to begin the next, when its transaction ends under it. What came after the rollback would be committed by itself.</summary>
    [Fact]
    public async Task A_handler_that_sends_one_statement_after_the_other_and_does_not_listen_has_no_effect_and_leaves_no_session_behind()
    {
        const int messages = 3;
        await Tables.ExecuteAsync("INSERT INTO balances (client, currency, amount) VALUES ('loop', 'EUR', 0)");
        var statement = "UPDATE balances SET amount = amount + 1 " + (Provider == DatabaseProvider.PostgreSql ? "+ (SELECT 0 FROM pg_sleep(0.01)) " : "") + "WHERE client = 'loop'";
        var engine = await StartEngineAsync(s => s
            .With("Inbox:HandlerTimeoutMilliseconds", 300).With("Inbox:MaxAttempts", 2).With("Inbox:RetryDelayMilliseconds", 1)
            .Script.On("loop", async (_, database) =>
            {
                var isDisposed = false;
                while (!isDisposed)
                {
                    // Whatever it meets it goes on.
                    isDisposed = await Record.ExceptionAsync(() => database.Database.ExecuteSqlRawAsync(statement, CancellationToken.None)) is ObjectDisposedException;
                    await Task.Yield();
                }
            }));

        await Task.WhenAll(Enumerable.Range(0, messages).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"loop-{i}", "loop")))).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);

        Assert.Equal(messages, await Tables.CountAsync("parked_messages", "reason = 'poison'"));
        Assert.Equal(0, await Tables.CountAsync("inbox") + await Tables.CountAsync("orders") + await Tables.CountAsync("balances", "amount <> 0"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"next-{i}")))).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);
        Assert.Equal(20, await Tables.CountAsync("orders"));
        if (Provider == DatabaseProvider.PostgreSql)
        {
            await Eventually.Equal(0, () => Tables.CountAsync("pg_stat_activity", "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'"));
        }
    }

    /// <summary>EF Core would open it for the next statement, which would then be committed by itself, where the driver does not miss the transaction.</summary>
    [Fact]
    public async Task The_connection_of_a_context_that_was_given_up_is_not_opened_anew()
    {
        var engine = await StartEngineAsync();
        await using var scope = engine.Services.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<ConsumerContext>();
        Assert.Equal(0, await context.Orders.CountAsync(Cancelled));

        GivenUpContexts.All.Add(context);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => context.Orders.CountAsync(Cancelled));
        Assert.Throws<ObjectDisposedException>(() => context.Orders.Count());
    }

    private static Task HangAsync(Ending ending, ManualResetEventSlim end, CancellationToken cancellationToken)
    {
        if (ending == Ending.NeverOnItsThread)
        {
            end.Wait(CancellationToken.None);
        }

        return ending == Ending.WhenCancelled ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken) : new TaskCompletionSource().Task;
    }
}

public sealed class HandlerTimeoutOnSqlite(SharedServers servers) : HandlerTimeoutContract(servers, DatabaseProvider.Sqlite);

public sealed class HandlerTimeoutOnPostgreSql(SharedServers servers) : HandlerTimeoutContract(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task A_statement_that_never_ends_is_cancelled_and_its_connection_serves_on()
    {
        var engine = await StartEngineAsync(s => s
            .With("Inbox:HandlerTimeoutMilliseconds", LimitMilliseconds).With("Inbox:MaxAttempts", 1)
            .Script.On("sleep", (_, database, cancellationToken) => database.Database.ExecuteSqlRawAsync("SELECT pg_sleep(20)", cancellationToken)));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "sleep"));

        Assert.Equal(["k"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Equal(0L, await Tables.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND state = 'active' AND pid <> pg_backend_pid()"));
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("next"));
        Assert.Equal(1, await Tables.EffectsAsync("next"));
    }

    /// <summary>The driver's limit (<c>Command Timeout</c>) strikes before the handler's: halves would each take it whole once more.</summary>
    [Fact]
    public async Task Row15_a_message_whose_statement_takes_too_long_is_parked_and_each_neighbour_runs_once_more()
    {
        var engine = await StartEngineAsync(s => s
            .With("ConnectionStrings:Orders", ConnectionString + ";Command Timeout=2").With("Inbox:MaxAttempts", 2)
            .Script.On("sleep", (_, database) => database.Database.ExecuteSqlRawAsync("SELECT pg_sleep(20)", CancellationToken.None)));
        var batch = Enumerable.Range(0, 40).Select(i => Message.OfProbe($"key-{i:00}", i == 7 ? "sleep" : "good"));

        await engine.ProcessInOneBatchAsync(batch).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);

        Assert.Equal(3, engine.Script.Runs("sleep")); // With the others, alone, and once more.
        Assert.Equal(["key-07"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Equal(39, await Tables.CountAsync("orders", "item = 'good'"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>As an operator may have set it, and as a process meets it that was frozen inside a transaction.</summary>
    [Fact]
    public async Task A_session_that_the_server_ended_because_it_stood_still_is_nobodys_fault()
    {
        var engine = await StartEngineAsync(s => s
            .With("ConnectionStrings:Orders", ConnectionString + ";Options=-c idle_in_transaction_session_timeout=200").With("Inbox:MaxAttempts", 1)
            .Script.On("still", (run, _) => run > 1 ? Task.CompletedTask : UntilSessionEndedAsync()));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "still"));

        Assert.Equal(2, engine.Script.Runs("still"));
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    private Task<long> UntilSessionEndedAsync() => Eventually.Equal(0L, async () => (long)(await Tables.ValueAsync(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"))!);
}

public sealed class HandlerTimeoutOnSqlServer(SharedServers servers) : HandlerTimeoutContract(servers, DatabaseProvider.SqlServer);
