using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Retention meets a redelivery, a retry, another retention: nothing runs twice, nobody is held up.</summary>
public abstract class RetentionRaceContract(SharedServers servers, DatabaseProvider provider) : RetentionSuite(servers, provider)
{
    [Fact]
    public async Task Row14_a_redelivery_that_was_first_is_recognised_and_the_next_one_is_parked()
    {
        var (reached, released) = (new TaskCompletionSource(), new TaskCompletionSource());
        var engine = await StartAsync(s => s.Script.On("hold", async (_, _) =>
        {
            reached.TrySetResult();
            await released.Task;
        }));
        var delivery = OfProbe("k", TimeSpan.Zero);
        await engine.ProcessAsync(Probe.Operation, delivery);
        Time.Advance(Horizon + Tolerance);

        var redelivery = engine.ProcessInOneBatchAsync(delivery, Message.OfProbe("other", "hold"));
        await reached.Task.WaitAsync(Eventually.DefaultLimit, Cancelled);
        var purge = engine.Retention.RunOnceAsync(Cancelled);
        released.SetResult();
        await redelivery;
        await purge;

        Assert.Equal((1, 0), (await Tables.EffectsAsync("k"), await Tables.CountAsync("parked_messages")));

        await engine.Retention.RunOnceAsync(Cancelled);
        Assert.Equal(0, await Tables.CountAsync("inbox", "idempotency_key = 'k'"));
        await engine.ProcessAsync(Probe.Operation, delivery);

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal([ParkingReason.TooLate], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'k'"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Row14_a_redelivery_that_comes_while_its_key_is_being_forgotten_is_recognised_or_parked(bool commits)
    {
        var engine = await StartAsync();
        var submission = Assert.Single(await SettleAsync(engine, "k"));
        Time.Advance(Horizon + Tolerance);
        Task redelivery;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            var bite = await engine.Retention.ForgetSomeAsync(transaction, Retention.Origin.Submission, 0, Time.GetUtcNow() - Horizon - Tolerance, Cancelled);
            Assert.Equal(1, bite.Keys);
            redelivery = engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
            if (commits)
            {
                await transaction.CommitAsync(Cancelled);
            }
        }

        await redelivery;
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.InRange(await Tables.CountAsync("parked_messages", $"reason = '{ParkingReason.TooLate}'"), 0, commits ? 1 : 0);
        Assert.Equal(commits ? (0, 0) : (1, 1), await KeysAsync());
    }

    [Fact]
    public async Task Row14_a_claim_that_stalls_until_its_key_is_forgotten_is_judged_anew()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.Sqlite, "Declared difference: on SQLite whoever claims has the one writer's turn, so nothing is forgotten meanwhile.");
        var engine = await StartAsync();
        var (first, second) = InOrderOfDigest("k", "l");
        var delivery = OfProbe(second, TimeSpan.Zero);
        await engine.ProcessAsync(Probe.Operation, delivery);
        Time.Advance(Horizon - TimeSpan.FromMinutes(1));

        // The claim has read the clock, and waits for another key before it comes to this one.
        Task redelivery;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var holder = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = holder.CreateCommand();
            var key = new ScopedKey(Message.Client, Probe.Operation, first);
            var held = new Candidate(key, key.ToDigest(), Fingerprint.Of(Probe.Operation, "{}"u8.ToArray()), Time.GetUtcNow(), new object(), null);
            await InboxTable.ClaimAsync(engine.Database.Dialect, command, Guid.CreateVersion7(), [held], [held.Digest], 1, lockWaitMilliseconds: 2_000, Cancelled);
            redelivery = engine.ProcessInOneBatchAsync(OfProbe(first, Horizon), delivery);
            await Tables.WaitUntilSomebodyWaitsForALockAsync();
            Time.Advance(Horizon);
            Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
        }

        await redelivery;
        Assert.Equal(1, await Tables.EffectsAsync(second));
        Assert.Equal([ParkingReason.TooLate], await Tables.TextsAsync($"SELECT reason FROM parked_messages WHERE idempotency_key = '{second}'"));
        Assert.Equal(1, await Tables.EffectsAsync(first));
    }

    [Fact]
    public async Task Two_instances_share_the_work_and_forget_each_key_once()
    {
        Engine[] engines = [await StartAsync(s => s.With("Retention:MaxBatchSize", 20)), await StartAsync(s => s.With("Retention:MaxBatchSize", 20))];
        await SettleAsync(engines[0], Enumerable.Range(0, 300).Select(i => $"key-{i:000}"));
        Time.Advance(Horizon + Tolerance);

        var forgotten = await Task.WhenAll(engines.Select(e => Task.Run(() => e.Retention.RunOnceAsync(Cancelled), Cancelled)));

        Assert.Equal(300, forgotten.Sum());
        Assert.Equal((0, 0), await KeysAsync());
    }

    [Theory]
    [InlineData("UPDATE submissions SET trace_parent = trace_parent WHERE idempotency_key = 'held'")]
    [InlineData("UPDATE inbox SET result = result WHERE idempotency_key = 'held'")]
    public async Task A_row_that_somebody_holds_is_stepped_around_and_its_key_stays_whole(string hold)
    {
        Assert.SkipWhen(Provider == DatabaseProvider.Sqlite, "Declared difference: SQLite has no row locks; retention waits for the one writer's turn.");
        var engine = await StartAsync();
        await SettleAsync(engine, "held", "free", "free too");
        Time.Advance(Horizon + Tolerance);
        await using (var connection = await Tables.OpenAsync())
        {
            await using var holder = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = holder.CreateCommand();
            command.CommandText = hold;
            await command.ExecuteNonQueryAsync(Cancelled);

            Assert.Equal(2, await engine.Retention.RunOnceAsync(Cancelled));
        }

        Assert.Equal((1, 1), await KeysAsync());
        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
    }

    private static (string First, string Second) InOrderOfDigest(string a, string b)
    {
        var inOrder = new[] { a, b }.OrderBy(k => new ScopedKey(Message.Client, Probe.Operation, k).ToDigest()).ToList();
        return (inOrder[0], inOrder[1]);
    }
}

public sealed class RetentionRaceOnSqlite(SharedServers servers) : RetentionRaceContract(servers, DatabaseProvider.Sqlite);

public sealed class RetentionRaceOnPostgreSql(SharedServers servers) : RetentionRaceContract(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task A_key_that_is_forgotten_while_it_is_asked_for_is_accepted_as_a_new_one()
    {
        var engine = await StartAsync();
        var first = Assert.Single(await SettleAsync(engine, "k"));
        Time.Advance(Horizon + Tolerance);

        var result = await ForgettingMeanwhileAsync(engine, "submissions", () => engine.Submissions.SubmitAsync(Submission("k"), Cancelled));

        Assert.Equal(SubmissionOutcome.Accepted, result.Outcome);
        Assert.NotEqual(first.Id, result.Id);
    }

    [Fact]
    public async Task A_key_that_is_forgotten_while_it_is_claimed_is_claimed_as_a_new_one()
    {
        var engine = await StartAsync();
        await engine.ProcessAsync(Probe.Operation, OfProbe("k", TimeSpan.Zero));
        Time.Advance(Horizon + Tolerance);

        await ForgettingMeanwhileAsync(engine, "inbox", async () =>
        {
            await engine.ProcessAsync(Probe.Operation, OfProbe("k", TimeSpan.Zero));
            return true;
        });

        Assert.Equal(2, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    /// <summary>Has the one old key forgotten between the insert of <paramref name="work"/>, which finds it, and the read of what it stands for.</summary>
    private async Task<T> ForgettingMeanwhileAsync<T>(Engine engine, string table, Func<Task<T>> work)
    {
        await Tables.ExecuteAsync("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END'");
        await Tables.ExecuteAsync($"CREATE TRIGGER hold AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION hold()");
        Task<T> working;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var holder = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = holder.CreateCommand();
            command.CommandText = "SELECT pg_advisory_xact_lock(7)";
            await command.ExecuteNonQueryAsync(Cancelled);
            working = work();
            await Tables.WaitUntilSomebodyWaitsForALockAsync();
            Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
        }

        return await working;
    }

    /// <summary>Statements on submissions take numbers, and the one with the number n goes on once the gate is at n.</summary>
    [Fact]
    public async Task Only_the_key_that_is_forgotten_while_its_group_asks_for_it_is_asked_for_again()
    {
        await Tables.ExecuteAsync("CREATE SEQUENCE turns; CREATE TABLE gate (at bigint NOT NULL); INSERT INTO gate VALUES (0)");
        await Tables.ExecuteAsync("""
            CREATE FUNCTION take_turn() RETURNS trigger LANGUAGE plpgsql AS 'DECLARE turn bigint := nextval(''turns'');
            BEGIN WHILE turn > (SELECT at FROM gate) LOOP PERFORM pg_sleep(0.002); END LOOP; RETURN NULL; END'
            """);
        var engine = await StartAsync();
        await SettleAsync(engine, "k");
        Time.Advance(Horizon + Tolerance);
        var kept = Assert.Single(await SettleAsync(engine, "kept"));
        await Tables.ExecuteAsync("CREATE TRIGGER take_turn AFTER INSERT ON submissions FOR EACH STATEMENT EXECUTE FUNCTION take_turn()");

        // The first waits at the gate; whoever comes meanwhile is the next group.
        var ahead = engine.Submissions.SubmitAsync(Submission("ahead"), Cancelled);
        await TurnAsync(1);
        Submission[] group = [Submission("k"), Submission("k"), Submission("k", quantity: 2), Submission("kept"), .. Enumerable.Range(0, 10).Select(i => Submission($"new-{i}"))];
        var results = Task.WhenAll(group.Select(s => engine.Submissions.SubmitAsync(s, Cancelled)));
        await Tables.ExecuteAsync("UPDATE gate SET at = 1");
        await TurnAsync(2);
        Assert.Equal(1, await engine.Retention.RunOnceAsync(Cancelled));
        await Tables.ExecuteAsync("UPDATE gate SET at = 1000");

        Assert.Equal(SubmissionOutcome.Accepted, (await ahead).Outcome);
        Assert.Equal(
            [(SubmissionOutcome.Accepted, group[0].Id), (SubmissionOutcome.Replayed, group[0].Id), (SubmissionOutcome.KeyReused, Guid.Empty), (SubmissionOutcome.Replayed, kept.Id), .. group[4..].Select(s => (SubmissionOutcome.Accepted, s.Id))],
            (await results).Select(r => (r.Outcome, r.Id)));
        Assert.Equal(13, await Tables.CountAsync("submissions"));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.All(group[4..].Append(group[0]), s => Assert.Single(engine.Broker.Sent, m => m.Id == s.Id));

        // What had its answer was not undone for the one that had none.
        Assert.Single(await Tables.TextsAsync("SELECT DISTINCT xmin::text FROM submissions WHERE idempotency_key LIKE 'new-%'"));
        Assert.Equal(2, (await Tables.TextsAsync("SELECT DISTINCT xmin::text FROM submissions WHERE idempotency_key = 'k' OR idempotency_key LIKE 'new-%'")).Count);

        Task TurnAsync(long turn) => Eventually.Equal(1L, () => Tables.CountAsync("turns", $"is_called AND last_value = {turn}"));
    }
}

public sealed class RetentionRaceOnSqlServer(SharedServers servers) : RetentionRaceContract(servers, DatabaseProvider.SqlServer);
