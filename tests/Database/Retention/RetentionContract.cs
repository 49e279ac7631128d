using System.Data.Common;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Step 7: a key that is old and settled is forgotten, both rows of it or neither; any other key goes on meaning something.</summary>
public abstract class RetentionContract(SharedServers servers, DatabaseProvider provider) : RetentionSuite(servers, provider)
{
    [Fact]
    public async Task A_settled_key_is_forgotten_only_once_it_is_past_the_horizon_and_the_tolerance()
    {
        var engine = await StartAsync();
        await SettleAsync(engine, "k");

        Time.Advance(Horizon);
        Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));
        Time.Advance(Tolerance);
        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));

        Assert.Equal((0, 0), await KeysAsync());
        Assert.Equal(1, await Tables.EffectsAsync("k"));
    }

    [Theory]
    [InlineData("R1")]
    [InlineData("R2")]
    public async Task Both_rows_go_together_or_not_at_all(string point)
    {
        var engine = await StartAsync();
        await SettleAsync(engine, "a", "b");
        Time.Advance(Horizon + Tolerance);

        CrashPoint.Arm(new CrashPath(point + "@2", () => throw new IOException(point)));
        await Assert.ThrowsAsync<IOException>(() => engine.Retention.RunOnceAsync(Cancelled));

        Assert.Equal((2, 2), await KeysAsync());
        Assert.Equal(2, await engine.Retention.RunOnceAsync(Cancelled));
        Assert.Equal((0, 0), await KeysAsync());
    }

    [Fact]
    public async Task A_database_that_refuses_the_second_delete_keeps_both_rows()
    {
        var engine = await StartAsync();
        await SettleAsync(engine, "k");
        Time.Advance(Horizon + Tolerance);
        foreach (var statement in Refusal)
        {
            await Tables.ExecuteAsync(statement);
        }

        await Assert.ThrowsAnyAsync<DbException>(() => engine.Retention.RunOnceAsync(Cancelled));

        Assert.Equal((1, 1), await KeysAsync());
    }

    [Fact]
    public async Task A_submission_whose_message_is_on_its_way_means_something_however_old_it_is()
    {
        var broker = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = await StartAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => broker.Task.WaitAsync(stopping));
        var waiting = Submission("waiting");
        var copy = Submission("copy");
        await engine.Submissions.SubmitAsync(waiting, Cancelled);
        await engine.Submissions.SubmitAsync(copy, Cancelled);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(copy));
        Time.Advance(Horizon + Tolerance);

        Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));

        broker.SetResult();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
        await AssertStillMeansAsync(engine, waiting);
    }

    [Theory]
    [InlineData(ParkingReason.Malformed)]
    [InlineData(ParkingReason.Conflict)]
    [InlineData(ParkingReason.TooLate)]
    public async Task A_submission_that_waits_for_an_operator_means_something_however_old_it_is(string reason)
    {
        var engine = await StartAsync();
        var submission = Submission("parked", quantity: reason == ParkingReason.Malformed ? 0 : 1);
        await AcceptAsync(engine, submission);
        if (reason == ParkingReason.Conflict)
        {
            await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("parked", quantity: 2));
        }

        Time.Advance(reason == ParkingReason.TooLate ? Horizon + Tolerance : TimeSpan.Zero);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
        Time.Advance(Horizon + Tolerance);

        Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));

        Assert.Equal([reason], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        await AssertStillMeansAsync(engine, submission);
    }

    [Fact]
    public async Task A_settled_key_that_somebody_used_with_another_payload_is_kept_until_the_operator_has_looked()
    {
        var engine = await StartAsync();
        await SettleAsync(engine, "k");
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k", quantity: 9));
        Time.Advance(Horizon + Tolerance);

        Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));
        await Tables.ExecuteAsync("DELETE FROM parked_messages");

        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
        Assert.Equal((0, 0), await KeysAsync());
    }

    [Fact]
    public async Task A_key_of_a_foreign_producer_is_forgotten_by_the_age_that_its_message_says()
    {
        var engine = await StartAsync();
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("undated"), OfProbe("dated", -TimeSpan.FromHours(1)), OfProbe("future", Horizon));
        Time.Advance(Horizon + Tolerance);

        Assert.Equal(2, await engine.Retention.RunOnceAsync(Cancelled));
        Assert.Equal(["future"], await Tables.TextsAsync("SELECT idempotency_key FROM inbox"));
        Time.Advance(Horizon);

        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
    }

    [Fact]
    public async Task A_claim_by_a_version_that_did_not_store_the_age_counts_from_the_claim()
    {
        var engine = await StartAsync();
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k"));
        await Tables.ExecuteAsync("UPDATE inbox SET accepted_at_ms = 0");

        Assert.Equal(0, await engine.Retention.RunOnceAsync(Cancelled));
        Time.Advance(Horizon + Tolerance);
        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
    }

    [Fact]
    public async Task A_key_used_again_after_it_was_forgotten_is_a_new_key()
    {
        var engine = await StartAsync();
        await SettleAsync(engine, "k");
        Time.Advance(Horizon + Tolerance);
        await engine.Retention.RunOnceAsync(Cancelled);

        var again = Submission("k", quantity: 2);
        await AcceptAsync(engine, again);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(again));

        Assert.Equal([1, 2], (await Tables.TextsAsync("SELECT quantity FROM orders ORDER BY quantity")).ConvertAll(int.Parse));
        Assert.Equal((1, 1), await KeysAsync());
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        Assert.Equal(SubmissionState.Completed, (await engine.Submissions.FindAsync(Message.Client, SubmitOrder.Operation, again.Id, Cancelled))?.State);
    }

    [Fact]
    public async Task What_was_parked_in_an_earlier_life_of_a_key_says_nothing_of_the_new_one()
    {
        var engine = await StartAsync();
        var first = Assert.Single(await SettleAsync(engine, "k"));
        Time.Advance(Horizon + Tolerance);
        await engine.Retention.RunOnceAsync(Cancelled);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(first));
        Assert.Equal(1, await Tables.CountAsync("parked_messages"));

        var again = Submission("k");
        await AcceptAsync(engine, again);

        Assert.Equal(SubmissionState.Accepted, (await engine.Submissions.FindAsync(Message.Client, SubmitOrder.Operation, again.Id, Cancelled))?.State);
        Assert.Empty(await engine.Submissions.FindSettledAsync([again.Id], Cancelled));
        Assert.Equal(1, await engine.Reconciler.RunOnceAsync(Time.GetUtcNow(), Cancelled));
    }

    [Fact]
    public async Task A_pass_is_made_of_bounded_bites_and_tells_what_it_forgot()
    {
        var engine = await StartAsync(s => s.With("Retention:MaxBatchSize", 10));
        await SettleAsync(engine, [.. Enumerable.Range(0, 35).Select(i => $"key-{i:00}")]);
        await engine.ProcessAsync(Probe.Operation, Enumerable.Range(0, 12).Select(i => Message.OfProbe($"foreign-{i:00}")));
        Time.Advance(Horizon + Tolerance);
        using var metrics = new RetentionMeasurements(engine);

        Assert.Equal(47, await engine.Retention.RunOnceAsync(Cancelled));

        Assert.Equal([10, 10, 10, 5], metrics.Forgotten("submissions"));
        Assert.Equal([10, 10, 10, 5, 10, 2], metrics.Forgotten("inbox"));
        Assert.Equal(0, metrics.OldestSeconds);
        Assert.Equal((0, 0), await KeysAsync());
    }

    [Fact]
    public async Task What_is_kept_past_the_horizon_shows_in_the_age_of_the_oldest()
    {
        var engine = await StartAsync();
        await AcceptAsync(engine, Submission("lost"));
        Time.Advance(Horizon + Tolerance);
        using var metrics = new RetentionMeasurements(engine);

        await engine.Retention.RunOnceAsync(Cancelled);

        Assert.InRange(metrics.OldestSeconds, (Horizon + Tolerance).TotalSeconds, (Horizon + Tolerance).TotalSeconds + 120);
    }

    [Fact]
    public async Task A_service_forgets_by_itself()
    {
        var first = await StartAsync();
        await SettleAsync(first, "k");
        Time.Advance(Horizon + Tolerance);

        await StartAsync(s => s.With("Retention:IntervalSeconds", 1));

        await Eventually.Equal((0L, 0L), KeysAsync);
    }

    private async Task AssertStillMeansAsync(Engine engine, Submission submission)
    {
        var replay = await engine.Submissions.SubmitAsync(Submission(submission.Key.Key, quantity: Quantity(submission)), Cancelled);
        Assert.Equal((SubmissionOutcome.Replayed, submission.Id), (replay.Outcome, replay.Id));
        Assert.Equal(submission.Acceptance, replay.Acceptance);
        Assert.Equal(SubmissionOutcome.KeyReused, (await engine.Submissions.SubmitAsync(Submission(submission.Key.Key, quantity: 7), Cancelled)).Outcome);

        static int Quantity(Submission of) => System.Text.Json.JsonDocument.Parse(of.Body).RootElement.GetProperty("quantity").GetInt32();
    }

    /// <summary>Makes the database refuse every delete on the inbox.</summary>
    private IEnumerable<string> Refusal => Provider switch
    {
        DatabaseProvider.Sqlite => ["CREATE TRIGGER refuse BEFORE DELETE ON inbox BEGIN SELECT RAISE(ABORT, 'refused'); END"],
        DatabaseProvider.PostgreSql =>
        [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'",
            "CREATE TRIGGER refuse BEFORE DELETE ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()",
        ],
        _ => ["CREATE TRIGGER refuse ON inbox INSTEAD OF DELETE AS THROW 50000, 'refused', 1"],
    };
}

public sealed class RetentionOnSqlite(SharedServers servers) : RetentionContract(servers, DatabaseProvider.Sqlite);

public sealed class RetentionOnPostgreSql(SharedServers servers) : RetentionContract(servers, DatabaseProvider.PostgreSql);

public sealed class RetentionOnSqlServer(SharedServers servers) : RetentionContract(servers, DatabaseProvider.SqlServer);
