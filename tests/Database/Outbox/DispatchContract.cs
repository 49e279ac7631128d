using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Step 2: what is committed goes to the broker at least once, and its row goes only after the broker's word.</summary>
public abstract class DispatchContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task Two_dispatchers_share_a_backlog_and_send_each_message_once()
    {
        await FillBacklogAsync(1000);

        // Each waits in its first window until the other has one too: so they do share.
        using var both = new Barrier(2);
        Engine[] engines = [await StartEngineAsync(Meeting), await StartEngineAsync(Meeting)];
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        var sent = engines.SelectMany(e => e.Broker.Sent).Select(m => m.Id).ToList();
        Assert.Equal((1000, 1000), (sent.Count, sent.Distinct().Count()));
        Assert.All(engines, e => Assert.NotEmpty(e.Broker.Sent));

        void Meeting(EngineSetup setup)
        {
            var first = true;
            setup.With("Dispatch:WindowSize", 50);
            ((RecordingTransport)setup.Transport!).Before = (_, stopping) =>
            {
                (var meets, first) = (first, false);
                return meets ? Task.Run(() => both.SignalAndWait(TimeSpan.FromSeconds(20), stopping), stopping) : Task.CompletedTask;
            };
        }
    }

    [Fact]
    public async Task A_row_stays_until_the_broker_has_confirmed_it()
    {
        var confirm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => confirm.Task.WaitAsync(stopping));
        await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled);
        await Eventually.Equal(1, () => Task.FromResult(engine.Broker.Sent.Count));

        Assert.Equal(1, await Tables.CountAsync("outgoing_messages"));
        confirm.SetResult();

        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
    }

    [Fact]
    public async Task I8_messages_without_a_confirm_are_three_windows_at_most_however_many_wait()
    {
        const int window = 20;
        var windows = 0;
        await FillBacklogAsync(10 * window);
        var confirm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s =>
        {
            s.With("Dispatch:WindowSize", window);
            ((RecordingTransport)s.Transport!).Before = (_, stopping) =>
            {
                Interlocked.Increment(ref windows);
                return confirm.Task.WaitAsync(stopping);
            };
        });
        await Task.WhenAll(Enumerable.Range(0, 10 * window).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"new-{i}"), Cancelled)));

        // The poller's window, and two of what was handed over in memory: of those each holds what was there when it began.
        await Eventually.Equal(3, () => Task.FromResult(Volatile.Read(ref windows)));
        await Task.WhenAll(Enumerable.Range(0, window).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"last-{i}"), Cancelled)));
        Assert.Equal(3, Volatile.Read(ref windows));
        Assert.InRange(engine.Broker.Sent.Count, window + 2, 3 * window);
        Assert.Equal(21 * window, await Tables.CountAsync("outgoing_messages"));
        confirm.SetResult();

        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
    }

    [Fact]
    public async Task I8_what_is_handed_over_in_memory_is_bounded_and_the_rest_waits_in_its_table()
    {
        const int window = 5, handedOver = 10, accepted = 100;
        var confirm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s =>
        {
            s.With("Dispatch:WindowSize", window).With("Dispatch:MaxHandedOver", handedOver).With("Dispatch:LeaseMilliseconds", 600_000);
            ((RecordingTransport)s.Transport!).Before = (_, stopping) => confirm.Task.WaitAsync(stopping);
        });
        await Task.WhenAll(Enumerable.Range(0, accepted).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"k{i}"), Cancelled)));
        confirm.SetResult();

        // Two windows were under way, and so much was in memory behind them; the leases of the others have not ended.
        await Eventually.True(async () => await Tables.CountAsync("outgoing_messages") == accepted - engine.Broker.Sent.Count && engine.Broker.Sent.Count >= handedOver);
        Assert.InRange(engine.Broker.Sent.Count, handedOver, handedOver + (2 * window));

        await Tables.ExecuteAsync("UPDATE outgoing_messages SET leased_until_ms = 0");
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(accepted, engine.Broker.Sent.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task What_a_dead_dispatcher_had_taken_goes_out_from_another_once_its_lease_ends()
    {
        await FillBacklogAsync(10);
        var dead = await StartEngineAsync(s =>
        {
            s.With("Dispatch:LeaseMilliseconds", 1_000);
            ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping);
        });
        await Eventually.Equal(10, () => Task.FromResult(dead.Broker.Sent.Count));
        await dead.StopAsync();
        Assert.Equal(10, await Tables.CountAsync("outgoing_messages"));

        var heir = await StartEngineAsync();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        Assert.Equal(10, heir.Broker.Sent.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_leased_row_is_left_to_its_dispatcher()
    {
        await FillBacklogAsync(5);
        await Tables.ExecuteAsync($"UPDATE outgoing_messages SET leased_until_ms = {TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds()}");

        var engine = await StartEngineAsync();
        await engine.Submissions.SubmitAsync(Message.Submission("later"), Cancelled);
        await Eventually.Equal(5, () => Tables.CountAsync("outgoing_messages"));

        Assert.Equal(["later"], engine.Broker.Sent.Select(m => m.IdempotencyKey));
    }

    [Fact]
    public async Task A_message_that_cannot_be_sent_waits_behind_the_others_and_says_why()
    {
        await FillBacklogAsync(30);
        var bad = await Tables.TextsAsync("SELECT MIN(idempotency_key) FROM outgoing_messages");

        var engine = await StartEngineAsync(s =>
        {
            s.With("Dispatch:WindowSize", 5);
            ((RecordingTransport)s.Transport!).Answer = m => m.IdempotencyKey == bad[0] ? new SendResult(SendOutcome.Unrouted, "returned: 312 NO_ROUTE") : SendResult.Confirmed;
        });
        await Eventually.Equal(1, () => Tables.CountAsync("outgoing_messages"));

        var row = Assert.Single(await Tables.RowsAsync("SELECT idempotency_key, attempts, last_error FROM outgoing_messages"));
        Assert.Equal((bad[0], "returned: 312 NO_ROUTE"), (row[0], row[2]));
        Assert.True((long)row[1]! >= 1);
    }

    [Fact]
    public async Task Of_a_window_that_the_broker_answers_in_part_what_it_confirmed_is_gone_and_the_rest_is_put_off()
    {
        await FillBacklogAsync(30);
        var late = await Tables.TextsAsync("SELECT MAX(idempotency_key) FROM outgoing_messages");

        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Answer = m => m.IdempotencyKey == late[0] && m.Attempts == 0 ? default : SendResult.Confirmed);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        Assert.Equal(late, engine.Broker.Sent.GroupBy(m => m.IdempotencyKey).Where(sent => sent.Count() > 1).Select(sent => sent.Key));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task An_event_that_nobody_subscribes_to_is_dropped_unless_subscribers_are_required(bool required, long left)
    {
        var engine = await StartEngineAsync(s =>
        {
            s.With("Dispatch:RequireSubscribers", required);
            ((RecordingTransport)s.Transport!).Answer = _ => new SendResult(SendOutcome.Unrouted, "returned");
        });

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k"));

        await Eventually.Equal(left, () => Tables.CountAsync("outgoing_messages", required ? "attempts > 0" : "1 = 1"));
    }

    [Fact]
    public async Task While_the_broker_is_away_orders_are_accepted_and_go_out_when_it_is_back()
    {
        var away = true;
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, _) =>
            Volatile.Read(ref away) ? throw new BrokerUnavailableException("away", new IOException()) : Task.CompletedTask);

        foreach (var key in (string[])["a", "b", "c"])
        {
            Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission(key), Cancelled)).Outcome);
        }

        Assert.Equal(3, await Tables.CountAsync("outgoing_messages"));
        Volatile.Write(ref away, false);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(["a", "b", "c"], engine.Broker.Sent.Select(m => m.IdempotencyKey).Distinct().Order());
    }

    /// <summary>What waits in memory behind a broker that does not answer may wait for longer than its lease lasts; then the poller has it, or another process has.</summary>
    [Fact]
    public async Task What_was_handed_over_and_has_outlived_its_lease_is_left_to_the_poller_and_sent_once()
    {
        const int accepted = 60, stuck = 2;
        var windows = 0;
        var confirm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartEngineAsync(s =>
        {
            // One message a window: both loops get stuck on their first, and everything else waits behind those.
            s.With("Dispatch:WindowSize", 1).With("Dispatch:LeaseMilliseconds", 2_000);
            ((RecordingTransport)s.Transport!).Before = (_, stopping) => Interlocked.Increment(ref windows) <= stuck ? confirm.Task.WaitAsync(stopping) : Task.CompletedTask;
        });
        await Task.WhenAll(Enumerable.Range(0, accepted).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"k{i}"), Cancelled)));

        // All of them by the poller, as their leases end; then the loops go on.
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        confirm.SetResult();
        await engine.Submissions.SubmitAsync(Message.Submission("last"), Cancelled);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        Assert.Equal(accepted + 1, engine.Broker.Sent.Select(m => m.Id).Distinct().Count());
        Assert.Equal(accepted + 1 + stuck, engine.Broker.Sent.Count);
    }

    [Fact]
    public async Task The_backlog_is_measured()
    {
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        Assert.Equal(new OutgoingBacklog(0, null), await engine.Submissions.MeasureBacklogAsync(Cancelled));
        var oldest = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().AddMinutes(-5).ToUnixTimeMilliseconds());

        await engine.Submissions.SubmitAsync(Message.Submission("new"), Cancelled);
        await engine.Submissions.SubmitAsync(Message.Submission("old", acceptedAt: oldest), Cancelled);

        Assert.Equal(new OutgoingBacklog(2, oldest), await engine.Submissions.MeasureBacklogAsync(Cancelled));
    }

    /// <summary>Submissions of an engine that stopped before it sent anything, with their leases over.</summary>
    private async Task FillBacklogAsync(int count)
    {
        var filler = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => filler.Submissions.SubmitAsync(Message.Submission($"key-{i:0000}"), Cancelled)));
        await filler.StopAsync();
        await Tables.ExecuteAsync(OutgoingTable.EndLeases);
    }
}

public sealed class DispatchOnSqlite(SharedServers servers) : DispatchContract(servers, DatabaseProvider.Sqlite);

public sealed class DispatchOnPostgreSql(SharedServers servers) : DispatchContract(servers, DatabaseProvider.PostgreSql);

public sealed class DispatchOnSqlServer(SharedServers servers) : DispatchContract(servers, DatabaseProvider.SqlServer);
