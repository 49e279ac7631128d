using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Clocks that are an hour off: of the publisher, of a consumer, of whoever forgets; the database has a right one.</summary>
public abstract class ClockContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    private const int Keys = 20;

    [Theory]
    [InlineData(60, 0)]
    [InlineData(-60, 0)]
    [InlineData(0, 60)]
    [InlineData(0, -60)]
    [InlineData(60, -60)]
    [InlineData(-60, 60)]
    public async Task Row21_clocks_an_hour_off_change_nothing_about_what_takes_effect(int publisher, int consumer)
    {
        var (accepting, stamps) = await StartAsync(publisher);
        var (consuming, _) = await StartAsync(consumer);
        var (other, clock) = await StartAsync(0);
        Engine[] all = [accepting, consuming, other];
        var submissions = Enumerable.Range(0, Keys).Select(i => Message.Submission($"key-{i}", acceptedAt: stamps.GetUtcNow())).ToList();
        await Task.WhenAll(submissions.Select(s => accepting.Submissions.SubmitAsync(s, Cancelled)));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        // Nothing has an outcome yet: whoever takes the messages for lost, too early or too late, publishes them once more, and no more.
        var again = await consuming.Reconciler.RunOnceAsync(clock.GetUtcNow() + TimeSpan.FromHours(2), Cancelled);
        Assert.Equal(Keys, again);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        await Task.WhenAll(all.SelectMany(e => Enumerable.Repeat(e, 2)).Select(e => e.ProcessAsync(SubmitOrder.Operation, submissions.Select(Message.OfSubmission))));
        foreach (var engine in all)
        {
            Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));
            Assert.Equal(0, await engine.Reconciler.RunOnceAsync(clock.GetUtcNow() + TimeSpan.FromHours(2), Cancelled));
            var retries = submissions.Select(s => engine.Submissions.SubmitAsync(Message.Submission(s.Key.Key, acceptedAt: clock.GetUtcNow()), Cancelled));
            Assert.All(await Task.WhenAll(retries), r => Assert.Equal(SubmissionOutcome.Replayed, r.Outcome));
        }

        Assert.Equal((Keys, Keys, 0), (await Tables.CountAsync("orders"), await Tables.CountAsync("inbox"), await Tables.CountAsync("parked_messages")));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row21_a_dispatcher_whose_clock_is_ahead_takes_no_row_that_another_holds()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var holder = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => answer.Task.WaitAsync(stopping));
        var (ahead, time) = await StartAsync(60);
        var held = Message.Submission("held");
        await holder.Submissions.SubmitAsync(held, Cancelled);
        await Eventually.True(() => holder.Broker.Sent.Any(m => m.Id == held.Id));

        // Two that only its poller can send: between them it has looked at the table once at least.
        for (var turn = 0; turn < 2; turn++)
        {
            var left = Message.Submission($"left-{turn}", acceptedAt: time.GetUtcNow());
            await holder.Submissions.SubmitAsync(left, Cancelled);
            await Eventually.True(async () =>
            {
                await Tables.ExecuteAsync("UPDATE outgoing_messages SET leased_until_ms = 0 WHERE idempotency_key LIKE 'left%'");
                return ahead.Broker.Sent.Any(m => m.Id == left.Id);
            });
        }

        Assert.DoesNotContain(ahead.Broker.Sent, m => m.Id == held.Id);
        answer.SetResult();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
    }

    /// <summary>Publisher, whoever forgets, and the consumer: two of them differ by up to two hours, which is the tolerance.</summary>
    [Theory]
    [InlineData(0, 60, 0)]
    [InlineData(0, 0, -60)]
    [InlineData(0, 60, -60)]
    [InlineData(60, 60, -60)]
    [InlineData(-60, 60, -60)]
    [InlineData(0, -60, 60)]
    public async Task Row21_a_key_that_a_fast_clock_has_forgotten_is_too_late_for_a_slow_one(int publisher, int forgetter, int consumer)
    {
        var (accepting, stamps) = await StartAsync(publisher);
        var (forgetting, fast) = await StartAsync(forgetter);
        var (consuming, slow) = await StartAsync(consumer);
        var submission = Message.Submission("k", acceptedAt: stamps.GetUtcNow());
        await accepting.Submissions.SubmitAsync(submission, Cancelled);
        await consuming.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));

        var step = TimeSpan.FromMinutes(15);
        for (var age = TimeSpan.Zero; age < TimeSpan.FromHours(174); age += age < TimeSpan.FromHours(166) ? TimeSpan.FromHours(166) : step)
        {
            await forgetting.Retention.RunOnceAsync(Cancelled);
            await consuming.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
            Assert.True(await Tables.EffectsAsync("k") == 1, $"at an age of {age} the key took effect again");
            foreach (var time in (ShiftedTime[])[fast, slow])
            {
                time.Advance(age < TimeSpan.FromHours(166) ? TimeSpan.FromHours(166) : step);
            }
        }

        Assert.Equal(0, await Tables.CountAsync("inbox"));
        Assert.Equal([ParkingReason.TooLate], (await Tables.TextsAsync("SELECT reason FROM parked_messages")).Distinct());
    }

    private async Task<(Engine Engine, ShiftedTime Time)> StartAsync(int minutesOff)
    {
        var time = new ShiftedTime();
        time.Advance(TimeSpan.FromMinutes(minutesOff));
        return (await StartEngineAsync(s => s.Services.AddSingleton<TimeProvider>(time)), time);
    }
}

public sealed class ClocksOnSqlite(SharedServers servers) : ClockContract(servers, DatabaseProvider.Sqlite);

public sealed class ClocksOnPostgreSql(SharedServers servers) : ClockContract(servers, DatabaseProvider.PostgreSql);

public sealed class ClocksOnSqlServer(SharedServers servers) : ClockContract(servers, DatabaseProvider.SqlServer);
