using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Database;

/// <summary>A commit whose answer is lost may have happened once, never twice (I11). On PostgreSQL, whose protocol names the commit on the wire.</summary>
public sealed class UnknownCommitTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row02_a_batch_whose_commit_was_cut_takes_effect_once(bool commitArrives)
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO inbox") { Where = commitArrives ? Cut.AfterServer : Cut.BeforeServer };
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Inbox:MaxAttempts", 1));
        await engine.StartAsync();
        cutter.CutNext(3);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}"))));

        Assert.Equal(3, cutter.Done);
        Assert.Equal(20, await Tables.CountAsync("orders"));
        Assert.Equal(20, await Tables.CountAsync("inbox"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>One that shares its transaction with an effect, one that is alone in it, and one that is parked for its handler's failure.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row02_a_message_that_is_parked_by_a_commit_that_was_cut_is_parked_once(bool commitArrives)
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO parked_messages") { Where = commitArrives ? Cut.AfterServer : Cut.BeforeServer };
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Inbox:MaxAttempts", 1).Script.On("guilty", (_, _) => throw new InvalidOperationException("always")));
        await engine.StartAsync();

        cutter.CutNext(2);
        await engine.ProcessInOneBatchAsync(Message.OfProbe("good"), Message.Of("probes", "unreadable", "{"), Message.Of("probes", "unreadable", "{"));
        cutter.CutNext(2);
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("good", "another payload"));
        cutter.CutNext(2);
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("poison", "guilty"));

        Assert.Equal(6, cutter.Done);
        Assert.Equal(
            [ParkingReason.Conflict, ParkingReason.Malformed, ParkingReason.Malformed, ParkingReason.Poison],
            await Tables.TextsAsync("SELECT reason FROM parked_messages ORDER BY reason"));
        Assert.Equal(1, await Tables.EffectsAsync("good"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>
    /// The client gives up waiting for the commit of the last attempt, while the database answers everything else. Then the commit comes true, or is
    /// lost with its session.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Row02_a_message_whose_last_commit_comes_late_takes_effect_or_is_parked_and_runs_no_more(bool comesTrue)
    {
        const int Lock = 20_402;
        await Tables.ExecuteAsync($"""
            CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                LOOP
                    BEGIN
                        PERFORM pg_advisory_xact_lock({Lock});
                        RETURN NULL;
                    EXCEPTION WHEN query_canceled OR lock_not_available THEN -- It hears of nothing, as a commit does that is on its way.
                    END;
                END LOOP;
            END $$
            """);
        await Tables.ExecuteAsync("CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit()");
        // Longer than a lock is waited for.
        var connectionString = new NpgsqlConnectionStringBuilder(ConnectionString) { CommandTimeout = 4, CancellationTimeout = -1 }.ConnectionString;
        await using var engine = new Engine(Provider, connectionString, s => s.With("Inbox:MaxAttempts", 1));
        await engine.StartAsync();
        Task processing;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT pg_advisory_lock({Lock})";
            await command.ExecuteNonQueryAsync(Cancelled);

            processing = engine.ProcessAsync(Probe.Operation, Message.OfProbe("late"));
            await Eventually.Equal(1, WaitingForTheKeyAsync, what: "the claim before the parking to wait");
            await Eventually.Equal(0, WaitingForTheKeyAsync, what: "it to have waited for long enough");
            command.CommandText = comesTrue ? $"SELECT pg_advisory_unlock({Lock})"
                : "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
            await command.ExecuteNonQueryAsync(Cancelled);
        }

        await processing;
        Assert.Equal(1, engine.Script.Runs("nothing"));
        Assert.Equal(comesTrue ? 1 : 0, await Tables.EffectsAsync("late"));
        Assert.Equal(comesTrue ? [] : [ParkingReason.Poison], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        await Tables.AssertAtomicAsync();

        Task<long> WaitingForTheKeyAsync() => Tables.CountAsync("pg_stat_activity", "datname = current_database() AND wait_event = 'transactionid'");
    }

    [Fact]
    public async Task Row02_a_message_whose_commit_is_cut_at_any_byte_takes_effect_once()
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO inbox");
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Inbox:MaxAttempts", 1));
        await engine.StartAsync();

        foreach (var (where, n) in EveryByte(ClientMessages.CommitSize).Select((where, i) => (where, i + 1)))
        {
            cutter.Where = where;
            cutter.CutNext(1);
            await engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{n}", $"item-{n}"));

            Assert.Equal(n, cutter.Done);
            // Run again where the commit did not arrive, and found claimed where it did.
            Assert.Equal(where.Flow == Flow.ToServer ? 2 : 1, engine.Script.Runs($"item-{n}"));
            Assert.Equal(n, await Tables.CountAsync("orders"));
        }

        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>Over a connection that had served before, the publisher asks again by itself, once: only a second cut is told to the caller.</summary>
    [Fact]
    public async Task Row02_a_caller_whose_commit_is_cut_at_any_byte_is_answered_or_asks_again_with_its_key()
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO submissions");
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Dispatch:PollIntervalMilliseconds", 60_000));
        await engine.StartAsync();
        Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission("first"), Cancelled)).Outcome);

        // In the Sync behind the commit the server may have done it or not; the key tells.
        const int request = ClientMessages.TravellingCommitSize + ClientMessages.SyncSize;
        foreach (var (where, n) in EveryByte(request).Select((where, i) => (where, i + 1)))
        {
            cutter.Where = where;
            cutter.CutNext(1);
            Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission($"once-{n}"), Cancelled)).Outcome);

            cutter.CutNext(2);
            await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission($"key-{n}"), Cancelled));
            Assert.Equal(3 * n, cutter.Done);

            var again = await engine.Submissions.SubmitAsync(Message.Submission($"key-{n}"), Cancelled);
            SubmissionOutcome[] expected = where.Flow == Flow.ToClient ? [SubmissionOutcome.Replayed]
                : where.Bytes < ClientMessages.TravellingCommitSize ? [SubmissionOutcome.Accepted]
                : [SubmissionOutcome.Accepted, SubmissionOutcome.Replayed];
            Assert.Contains(again.Outcome, expected);
            Assert.Equal(1 + (2 * n), await Tables.CountAsync("submissions"));
        }

        var ids = (await Tables.RowsAsync("SELECT id FROM outgoing_messages")).ConvertAll(r => (Guid)r[0]!).Union(engine.Broker.Sent.Select(m => m.Id));
        Assert.Equal(1 + (2 * EveryByte(request).Count()), ids.Count());

        // A byte more would be the whole answer: the cuts above were where they are said to be.
        cutter.Where = new Cut(Flow.ToClient, CommitCutter.AnswerSize);
        cutter.CutNext(1);
        Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission("answered"), Cancelled)).Outcome);
    }

    /// <summary>Every place at which the client does not have the whole answer: within the commit, the server has not done it; within the answer, it has.</summary>
    private static IEnumerable<Cut> EveryByte(int requestSize) =>
    [
        .. Enumerable.Range(0, requestSize).Select(bytes => new Cut(Flow.ToServer, bytes)),
        .. Enumerable.Range(0, CommitCutter.AnswerSize).Select(bytes => new Cut(Flow.ToClient, bytes)),
    ];

    [Fact]
    public async Task Row08_a_backend_that_is_killed_in_the_middle_of_a_handler_costs_an_attempt_of_nobody()
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On("killer", async (run, database) =>
        {
            if (run <= 4)
            {
                await database.Database.ExecuteSqlAsync($"SELECT pg_terminate_backend(pg_backend_pid())");
            }
        }));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("a", "good"), Message.OfProbe("k", "killer"), Message.OfProbe("b", "good"));

        Assert.Equal(5, engine.Script.Runs("killer"));
        Assert.Equal(3, await Tables.CountAsync("orders", "item <> 'plug'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }
}
