using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Step 6: what the broker lost goes out again, and nothing else.</summary>
public abstract class ReconcileContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task A_submission_that_the_broker_lost_is_published_again_once()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("lost");
        await AcceptAsync(engine, submission);

        Assert.Equal(1, await engine.Reconciler.RunOnceAsync(Now, Cancelled));

        await Eventually.Equal(2, () => Task.FromResult(engine.Broker.Sent.Count));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        var (first, second) = (engine.Broker.Sent.First(), engine.Broker.Sent.Last());
        Assert.Equal((first.Id, first.IdempotencyKey, first.Fingerprint, first.AcceptedAtMs), (second.Id, second.IdempotencyKey, second.Fingerprint, second.AcceptedAtMs));
        Assert.Equal(first.Body, second.Body);
    }

    [Fact]
    public async Task One_that_has_taken_effect_is_left_alone()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("done");
        await AcceptAsync(engine, submission);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
    }

    [Fact]
    public async Task One_that_is_on_its_way_is_left_alone()
    {
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        await engine.Submissions.SubmitAsync(Message.Submission("waiting"), Cancelled);

        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
        Assert.Equal(1, await Tables.CountAsync("outgoing_messages"));
    }

    /// <summary>Several publishers look at the same time: they neither deadlock nor fail on each other's rows, and each message goes out once.</summary>
    [Fact]
    public async Task Those_that_look_at_once_share_what_was_lost()
    {
        const int lost = 400;
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        await Task.WhenAll(Enumerable.Range(0, lost).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled)));

        for (var rounds = 0; rounds < 5; rounds++)
        {
            await Tables.ExecuteAsync("DELETE FROM outgoing_messages");
            var found = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => engine.Reconciler.RunOnceAsync(Now, Cancelled))));

            Assert.Equal(lost, found.Sum());
            Assert.Equal(lost, await Tables.CountAsync("outgoing_messages"));
        }
    }

    [Fact]
    public async Task A_bite_ends_with_the_last_of_so_many_submissions()
    {
        var engine = await StartEngineAsync();
        foreach (var i in Enumerable.Range(1, 3))
        {
            await engine.Submissions.SubmitAsync(Message.Submission($"key-{i}", acceptedAt: DateTimeOffset.FromUnixTimeMilliseconds(1_000 * i)), Cancelled);
        }

        Assert.Equal(2_000L, await EndAsync(1));
        Assert.Null(await EndAsync(3));

        async Task<object?> EndAsync(int after)
        {
            await using var connection = await Tables.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = SubmissionsTable.EndOfBite(engine.Database.Dialect);
            Dialect.Add(command, "@from_ms", 0L);
            Dialect.Add(command, "@to_ms", 10_000L);
            Dialect.Add(command, "@bite", after);
            return await command.ExecuteScalarAsync(Cancelled);
        }
    }

    [Theory]
    [InlineData(0, ParkingReason.Malformed)]
    [InlineData(1, ParkingReason.Conflict)]
    public async Task One_that_waits_for_an_operator_is_left_alone(int quantity, string reason)
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("parked", quantity: quantity);
        await AcceptAsync(engine, submission);
        if (reason == ParkingReason.Conflict)
        {
            await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("parked", quantity: 2));
        }

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal([reason], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal(SubmissionState.Parked, (await engine.Submissions.FindAsync(Message.Client, SubmitOrder.Operation, submission.Id, Cancelled))?.State);
        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
    }

    /// <summary>Our publisher accepts none such; an older one, or somebody else's, may have.</summary>
    [Fact]
    public async Task One_whose_client_the_inbox_refuses_is_found_parked_and_left_alone()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k", client: "jürgen@example.com");
        await AcceptAsync(engine, submission);

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal([ParkingReason.KeyInvalid], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal(SubmissionState.Parked, (await engine.Submissions.FindAsync(submission.Key.Client, SubmitOrder.Operation, submission.Id, Cancelled))!.State);
        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
    }

    [Fact]
    public async Task One_that_is_younger_than_the_limit_is_left_alone()
    {
        var engine = await StartEngineAsync();
        await AcceptAsync(engine, Message.Submission("young"));

        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(Now.AddMinutes(-5), Cancelled));
    }

    [Fact]
    public async Task One_that_lost_its_key_to_another_payload_goes_out_again_and_is_parked()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k");
        await AcceptAsync(engine, submission);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k", quantity: 2));

        Assert.Equal(1, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal([ParkingReason.Conflict], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
    }

    [Fact]
    public async Task One_that_is_past_the_horizon_goes_out_once_more_and_is_parked()
    {
        var time = new ShiftedTime();
        var engine = await StartEngineAsync(s => s.With("Retention:Hours", 24).Services.AddSingleton<TimeProvider>(time));
        var submission = Message.Submission("old");
        await AcceptAsync(engine, submission);
        // Not old from the beginning: the engine's own look, as it starts, would be after the same.
        time.Advance(TimeSpan.FromHours(25));

        Assert.Equal(1, await engine.Reconciler.RunOnceAsync(time.GetUtcNow(), Cancelled));
        await Eventually.Equal(2, () => Task.FromResult(engine.Broker.Sent.Count));
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal([ParkingReason.TooLate], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal(0, await Tables.EffectsAsync("old"));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(0, await engine.Reconciler.RunOnceAsync(time.GetUtcNow(), Cancelled));
    }

    /// <summary>The broker loses it again after each look, the last of which is an hour before it would be too late.</summary>
    [Fact]
    public async Task One_that_is_lost_again_and_again_goes_out_at_each_age_and_takes_effect_at_the_last()
    {
        var time = new ShiftedTime();
        var engine = await StartEngineAsync(s => s.With("Retention:Hours", 24).With("Reconcile:OlderThanSeconds", 3_600).With("Reconcile:IntervalSeconds", 1)
            .Services.AddSingleton<TimeProvider>(time));
        var submission = Message.Submission("lost");
        await AcceptAsync(engine, submission);
        var ages = Reconciler.Ages(new ReconcileOptions { OlderThanSeconds = 3_600, IntervalSeconds = 1 }, new RetentionOptions { Hours = 24 }).Where(a => a < TimeSpan.FromHours(24)).Order().ToList();
        var age = TimeSpan.Zero;
        foreach (var next in ages)
        {
            var sent = engine.Broker.Sent.Count;
            time.Advance(next - age);
            age = next;

            await Eventually.Equal(sent + 1, () => Task.FromResult(engine.Broker.Sent.Count));
            await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        }

        Assert.Equal((9, 10), (ages.Count, engine.Broker.Sent.Count));
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));

        Assert.Equal(1, await Tables.EffectsAsync("lost"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Fact]
    public async Task A_replay_publishes_everything_and_changes_nothing()
    {
        var engine = await StartEngineAsync();
        var submissions = Enumerable.Range(0, 20).Select(i => Message.Submission($"key-{i}")).ToList();
        foreach (var submission in submissions)
        {
            await AcceptAsync(engine, submission);
        }

        await engine.ProcessAsync(SubmitOrder.Operation, submissions.Take(10).Select(Message.OfSubmission));

        Assert.Equal(20, await engine.Reconciler.ReplayAsync(Cancelled));
        await engine.ProcessAsync(SubmitOrder.Operation, submissions.AsEnumerable().Reverse().Select(Message.OfSubmission));

        Assert.Equal(20, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task What_was_lost_counts_as_published_again_and_what_a_replay_asked_for_does_not()
    {
        var engine = await StartEngineAsync();
        using var republished = new CountedMetric(engine, "messaging.reconcile.republished");
        await AcceptAsync(engine, Message.Submission("lost"));

        Assert.Equal(1, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(1, await engine.Reconciler.ReplayAsync(Cancelled));

        Assert.Equal(1, republished.Total);
    }

    [Fact]
    public async Task At_the_start_of_a_broker_that_forgets_everything_without_an_outcome_goes_out()
    {
        var first = await StartEngineAsync();
        var (done, lost) = (Message.Submission("done"), Message.Submission("lost"));
        await AcceptAsync(first, done);
        await AcceptAsync(first, lost);
        await first.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(done));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        await first.DisposeAsync();

        var second = await StartEngineAsync(s => s.With("Reconcile:EverythingAtStart", true));

        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        await Eventually.True(() => !second.Broker.Sent.IsEmpty);
        Assert.Equal(["lost"], second.Broker.Sent.Select(m => m.IdempotencyKey));
    }

    protected static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    /// <summary>Accepted, sent and confirmed; nothing has come of it yet.</summary>
    private async Task AcceptAsync(Engine engine, Submission submission)
    {
        Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(submission, Cancelled)).Outcome);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
    }
}

public sealed class ReconcileOnSqlite(SharedServers servers) : ReconcileContract(servers, DatabaseProvider.Sqlite);

public sealed class ReconcileOnPostgreSql(SharedServers servers) : ReconcileContract(servers, DatabaseProvider.PostgreSql)
{
    /// <summary>One statement for all of a lost backlog of millions would run into its time limit, at every turn.</summary>
    [Fact]
    public async Task A_lost_backlog_goes_out_in_bites()
    {
        const int more = 2 * Reconciler.MaxBite;
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        await engine.Submissions.SubmitAsync(Message.Submission("first"), Cancelled);
        await Tables.ExecuteAsync($"""
            INSERT INTO submissions (key_digest, id, client, operation, idempotency_key, fingerprint, destination, message_type, body, acceptance, accepted_at_ms)
            SELECT md5('key' || n)::uuid, md5('id' || n)::uuid, client, operation, 'key-' || n, fingerprint, destination, message_type, body, acceptance, accepted_at_ms - n / 2
            FROM submissions, generate_series(1, {more}) AS n;
            DELETE FROM outgoing_messages;
            CREATE FUNCTION at_most() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN IF (SELECT count(*) FROM inserted) > {Reconciler.MaxBite + 1} THEN RAISE EXCEPTION ''too many at once''; END IF; RETURN NULL; END';
            CREATE TRIGGER at_most AFTER INSERT ON outgoing_messages REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION at_most();
            """);

        Assert.Equal(more + 1, await engine.Reconciler.RunOnceAsync(Now, Cancelled));
        Assert.Equal(more + 1, await Tables.CountAsync("outgoing_messages"));
    }
}

public sealed class ReconcileOnSqlServer(SharedServers servers) : ReconcileContract(servers, DatabaseProvider.SqlServer);
