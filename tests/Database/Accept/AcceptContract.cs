using System.Text;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Step 1: one key is one submission, one message and one answer.</summary>
public abstract class AcceptContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task The_first_request_is_accepted_and_its_message_goes_out()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k");

        var result = await engine.Submissions.SubmitAsync(submission, Cancelled);

        Assert.Equal((SubmissionOutcome.Accepted, submission.Id), (result.Outcome, result.Id));
        Assert.Equal(submission.Acceptance, result.Acceptance);
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        var sent = Assert.Single(engine.Broker.Sent);
        Assert.Equal((submission.Id, "k", submission.Fingerprint), (sent.Id, sent.IdempotencyKey, sent.Fingerprint!.Value));
        Assert.Equal(submission.Body, sent.Body);
    }

    [Fact]
    public async Task The_same_payload_again_gets_the_first_answer_byte_for_byte()
    {
        var engine = await StartEngineAsync();
        var first = Message.Submission("k");
        await engine.Submissions.SubmitAsync(first, Cancelled);

        var again = await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled);

        Assert.Equal((SubmissionOutcome.Replayed, first.Id), (again.Outcome, again.Id));
        Assert.Equal(first.Acceptance, again.Acceptance);
        Assert.Equal(1, await Tables.CountAsync("submissions"));
    }

    /// <summary>One statement tells what it inserted, another who holds the rest: a group has both.</summary>
    [Fact]
    public async Task Known_and_new_keys_in_one_group_are_told_apart()
    {
        const int keys = 60;
        var engine = await StartEngineAsync(s => ((RecordingTransport)s.Transport!).Before = (_, stopping) => Task.Delay(Timeout.Infinite, stopping));
        var first = await Task.WhenAll(Enumerable.Range(0, keys).Where(i => i % 2 == 0).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled)));

        var second = await Task.WhenAll(Enumerable.Range(0, keys).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled)));

        Assert.Equal(Enumerable.Range(0, keys).Select(i => i % 2 == 0 ? SubmissionOutcome.Replayed : SubmissionOutcome.Accepted), second.Select(r => r.Outcome));
        Assert.Equal(first.Select(r => r.Id), second.Where((_, i) => i % 2 == 0).Select(r => r.Id));
        Assert.Equal((keys, keys), (await Tables.CountAsync("submissions"), await Tables.CountAsync("outgoing_messages")));
        Assert.Equal(keys, await Tables.CountAsync("submissions AS s", "EXISTS (SELECT 1 FROM outgoing_messages AS o WHERE o.id = s.id AND o.idempotency_key = s.idempotency_key)"));
    }

    [Fact]
    public async Task Another_payload_under_the_key_is_refused_and_nothing_is_said_of_the_first()
    {
        var engine = await StartEngineAsync();
        await engine.Submissions.SubmitAsync(Message.Submission("k", quantity: 1), Cancelled);

        var other = await engine.Submissions.SubmitAsync(Message.Submission("k", quantity: 2), Cancelled);

        Assert.Equal((SubmissionOutcome.KeyReused, Guid.Empty), (other.Outcome, other.Id));
        Assert.Empty(other.Acceptance);
        Assert.Equal(1, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task One_key_many_times_in_parallel_over_two_engines_is_one_row_and_one_message()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];

        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => engines[i % 2].Submissions.SubmitAsync(Message.Submission("k"), Cancelled)));

        var accepted = Assert.Single(results, r => r.Outcome == SubmissionOutcome.Accepted);
        Assert.Equal(99, results.Count(r => r.Outcome == SubmissionOutcome.Replayed));
        Assert.All(results, r => Assert.Equal(accepted.Acceptance, r.Acceptance));
        Assert.Equal(1, await Tables.CountAsync("submissions"));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Single([.. engines[0].Broker.Sent, .. engines[1].Broker.Sent]);
    }

    [Fact]
    public async Task Twenty_keys_in_opposite_orders_over_two_engines_are_twenty_rows()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];
        var keys = Enumerable.Range(0, 20).Select(i => $"key-{i}").ToList();

        var up = keys.Select(k => engines[0].Submissions.SubmitAsync(Message.Submission(k), Cancelled));
        var down = keys.AsEnumerable().Reverse().Select(k => engines[1].Submissions.SubmitAsync(Message.Submission(k), Cancelled));
        var results = await Task.WhenAll(up.Concat(down));

        Assert.Equal(20, results.Count(r => r.Outcome == SubmissionOutcome.Accepted));
        Assert.Equal(20, results.Count(r => r.Outcome == SubmissionOutcome.Replayed));
        Assert.Equal(20, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task Case_and_trailing_spaces_tell_keys_apart()
    {
        var engine = await StartEngineAsync();

        foreach (var key in (string[])["a", "A", "a ", " a", "a b", new string('k', 255), new string('k', 254)])
        {
            Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission(key), Cancelled)).Outcome);
            Assert.Equal(SubmissionOutcome.Replayed, (await engine.Submissions.SubmitAsync(Message.Submission(key), Cancelled)).Outcome);
        }

        Assert.Equal(7, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task Two_clients_and_two_operations_do_not_share_keys()
    {
        var engine = await StartEngineAsync();

        foreach (var (client, operation) in (ValueTuple<string, string>[])[("a", SubmitOrder.Operation), ("b", SubmitOrder.Operation), ("a", CapturePayment.Operation)])
        {
            var result = await engine.Submissions.SubmitAsync(Message.Submission("k", client: client, operation: operation), Cancelled);
            Assert.Equal(SubmissionOutcome.Accepted, result.Outcome);
        }

        Assert.Equal(3, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task One_bad_row_fails_its_own_request_and_not_the_group()
    {
        var engine = await StartEngineAsync();
        var good = Enumerable.Range(0, 30).Select(i => Message.Submission($"key-{i}")).ToList();
        // The id of an accepted submission under another key: a unique violation that is no replay.
        await engine.Submissions.SubmitAsync(good[0], Cancelled);
        var bad = Message.Submission("bad") with { Id = good[0].Id };

        var tasks = good.Skip(1).Append(bad).OrderBy(s => s.Key.ToDigest()).Select(s => (s, engine.Submissions.SubmitAsync(s, Cancelled))).ToList();

        foreach (var (submission, task) in tasks)
        {
            if (submission == bad)
            {
                await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => task);
            }
            else
            {
                Assert.Equal(SubmissionOutcome.Accepted, (await task).Outcome);
            }
        }

        Assert.Equal(30, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task A_commit_that_the_database_refuses_is_the_refusal_of_one_request()
    {
        Assert.SkipUnless(Provider == DatabaseProvider.PostgreSql, "Declared difference: SQL Server has no deferred constraints, and those of SQLite are of foreign keys only.");
        await Tables.ExecuteAsync("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused at the commit''; END'");
        await Tables.ExecuteAsync("""
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON submissions DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.idempotency_key = 'key-7') EXECUTE FUNCTION refuse()
            """);
        var engine = await StartEngineAsync();

        foreach (var round in Enumerable.Range(0, 3))
        {
            var results = Enumerable.Range(0, 20).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled)).ToList();
            Assert.Contains("refused at the commit", (await Assert.ThrowsAsync<Npgsql.PostgresException>(() => results[7])).Message, StringComparison.Ordinal);
            results.RemoveAt(7);
            var outcome = round == 0 ? SubmissionOutcome.Accepted : SubmissionOutcome.Replayed;
            Assert.All(await Task.WhenAll(results), r => Assert.Equal(outcome, r.Outcome));
        }

        Assert.Equal(19, await Tables.CountAsync("submissions"));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(19, engine.Broker.Sent.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_key_that_another_transaction_holds_is_in_flight_and_free_again_after_its_rollback()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.Sqlite, "Declared difference: SQLite has one writer, whom everybody waits for; there is nothing in flight to see.");
        var engine = await StartEngineAsync(s => s.With("Accept:InFlightWaitMilliseconds", 200));
        await using (var connection = await Tables.OpenAsync())
        {
            await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = transaction.CreateCommand();
            var held = Message.Submission("k");
            await SubmissionsTable.InsertAsync(engine.Database.Dialect, command, [(held.Key.ToDigest(), held)], 5_000, 1000, ending: null, Cancelled);

            var waiting = await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled);
            Assert.Equal((SubmissionOutcome.InFlight, Guid.Empty), (waiting.Outcome, waiting.Id));
        }

        Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled)).Outcome);
    }

    /// <summary>As while it is altered, or an index of it is built.</summary>
    [Theory]
    [InlineData("submissions")]
    [InlineData("outgoing_messages")]
    public async Task A_table_that_somebody_holds_is_an_outage_and_no_key_in_flight(string table)
    {
        Assert.SkipWhen(Provider == DatabaseProvider.Sqlite, "Declared difference: SQLite has one lock, which is waited for until the request has had its time.");
        var engine = await StartEngineAsync(s => s.With("Accept:InFlightWaitMilliseconds", 200));
        await using (var connection = await Tables.OpenAsync())
        {
            await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = transaction.CreateCommand();
            command.CommandText = Provider == DatabaseProvider.PostgreSql
                ? $"LOCK TABLE {table} IN SHARE MODE"
                : $"SELECT COUNT(*) FROM {table} WITH (TABLOCK, HOLDLOCK)";
            await command.ExecuteNonQueryAsync(Cancelled);

            await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled));
        }

        Assert.Equal(SubmissionOutcome.Accepted, (await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled)).Outcome);
    }

    /// <summary>As when a publisher is frozen in the middle of a group, and its callers ask another one, together with others.</summary>
    [Fact]
    public async Task Keys_that_another_transaction_holds_hold_up_no_other_and_each_is_told_so_in_time()
    {
        Assert.SkipUnless(
            Provider == DatabaseProvider.PostgreSql,
            "Declared difference: SQLite has one writer, whom everybody waits for; SQL Server locks what lies between keys, and in a small table every free key lies beside a held one.");
        const int keys = 100;
        var engine = await StartEngineAsync();
        await using var connection = await Tables.OpenAsync();
        await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
        await using var command = transaction.CreateCommand();
        var held = Enumerable.Range(0, keys).Where(IsHeld).Select(i => Message.Submission($"key-{i}")).Select(s => (s.Key.ToDigest(), s)).OrderBy(s => s.Item1).ToList();
        await SubmissionsTable.InsertAsync(engine.Database.Dialect, command, held, 5_000, 1000, ending: null, Cancelled);

        var submitted = Enumerable.Range(0, keys).Select(i => (IsHeld: IsHeld(i), Result: engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled))).ToList();
        var free = await Task.WhenAll(submitted.Where(s => !s.IsHeld).Select(s => s.Result));
        Assert.All(free, result => Assert.Equal(SubmissionOutcome.Accepted, result.Outcome));
        Assert.DoesNotContain(submitted, s => s.IsHeld && s.Result.IsCompleted);

        var told = await Task.WhenAll(submitted.Where(s => s.IsHeld).Select(s => s.Result));
        Assert.All(told, result => Assert.Equal(SubmissionOutcome.InFlight, result.Outcome));

        static bool IsHeld(int i) => i % 2 == 0;
    }

    [Fact]
    public async Task Nothing_is_accepted_before_the_gate_is_open()
    {
        var engine = Build();

        await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled));

        Assert.Equal(0, await Tables.CountAsync("submissions"));
    }

    [Fact]
    public async Task Text_of_any_script_comes_back_as_it_was()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k", item: "書 📚 \"quoted\" \\ \u2028 Ünïcödé '; DROP TABLE orders; --") with
        {
            Acceptance = Encoding.UTF8.GetBytes("""{"item":"書 📚 \u0001 é"}"""),
        };
        await engine.Submissions.SubmitAsync(submission, Cancelled);

        var again = await engine.Submissions.SubmitAsync(submission with { Id = Guid.CreateVersion7(), Acceptance = "{}"u8.ToArray() }, Cancelled);

        Assert.Equal(submission.Acceptance, again.Acceptance);
        await Eventually.True(() => engine.Broker.Sent.Count == 1);
        Assert.Equal(submission.Body, engine.Broker.Sent.Single().Body);
    }
}

public sealed class AcceptOnSqlite(SharedServers servers) : AcceptContract(servers, DatabaseProvider.Sqlite);

public sealed class AcceptOnPostgreSql(SharedServers servers) : AcceptContract(servers, DatabaseProvider.PostgreSql)
{
    /// <summary>By an operator, by a limit on idle sessions, by a proxy in between. The driver knows it before the connection is used, or it does not.</summary>
    [Theory]
    [InlineData(""), InlineData(";Keepalive=1")]
    public async Task A_session_that_ended_while_it_stood_idle_is_replaced_and_no_caller_notices(string keepalive)
    {
        var engine = await StartEngineAsync(s => s.With("ConnectionStrings:Orders", ConnectionString + ";Application Name=accepting" + keepalive));
        await engine.Submissions.SubmitAsync(Message.Submission("before"), Cancelled);
        // Opened after the writer's, and asked for as often: when the driver knows it of this one, it knows it of that one too.
        await using var witness = await engine.Database.OpenAsync(Cancelled);

        await Tables.ExecuteAsync("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'accepting' AND datname = current_database()");
        if (keepalive != "")
        {
            await Eventually.True(() => witness.State != System.Data.ConnectionState.Open, what: "the driver to know");
        }

        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => engine.Submissions.SubmitAsync(Message.Submission($"key-{i}"), Cancelled)));
        Assert.All(results, result => Assert.Equal(SubmissionOutcome.Accepted, result.Outcome));
        Assert.Equal(11, await Tables.CountAsync("submissions"));
    }
}

public sealed class AcceptOnSqlServer(SharedServers servers) : AcceptContract(servers, DatabaseProvider.SqlServer);
