using System.Data.Common;
using System.Text;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Data.SqlClient;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Database;

/// <summary>Step 4c: a handler that fails harms itself alone, and is never mistaken for a duplicate.</summary>
public abstract class HandlerFailureContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task A_handler_that_fails_once_takes_effect_on_the_next_attempt()
    {
        var engine = await StartEngineAsync(s => s.Script.Throws("flaky", times: 1));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "flaky"));

        Assert.Equal(2, engine.Script.Runs("flaky"));
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row15_a_handler_that_always_fails_is_parked_as_it_came_and_leaves_nothing_else()
    {
        var engine = await StartEngineAsync(s => s.Script.Throws("poison"));
        var delivery = Message.OfProbe("k", "poison", ("x-note", "kept"));

        await engine.ProcessAsync(Probe.Operation, delivery);

        Assert.Equal(3, engine.Script.Runs("poison"));
        var row = Assert.Single(await Tables.RowsAsync(
            "SELECT reason, error, body, headers, queue, operation, client, idempotency_key, message_id, content_type FROM parked_messages"));
        Assert.Equal(ParkingReason.Poison, row[0]);
        Assert.Contains("'poison' failed in run 3", (string)row[1]!, StringComparison.Ordinal);
        Assert.Equal(delivery.Body.ToArray(), row[2]);
        Assert.Contains("\"x-note\":\"kept\"", (string)row[3]!, StringComparison.Ordinal);
        Assert.Equal(["probes", Probe.Operation, Message.Client, "k", delivery.MessageId!, "application/json"], row[4..].Cast<string>());
        Assert.Equal(0, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("inbox"));
        Assert.Empty(engine.Broker.Sent);
    }

    /// <summary>Row 9 of the catalogue: run again at once for a while, then later, and counted as nobody's failure however long it takes.</summary>
    [Fact]
    public async Task Row09_collisions_without_end_are_no_attempt_and_park_nothing()
    {
        const int collisions = 60;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On(
            "unlucky", (run, _) => run <= collisions ? throw new ClaimCollisionException("two met") : Task.CompletedTask));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "unlucky"));

        Assert.Equal(collisions + 1, engine.Script.Runs("unlucky"));
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Fact]
    public async Task A_handler_whose_own_other_database_is_away_holds_up_nobody_and_is_parked()
    {
        var engine = await StartEngineAsync(s => s.Script.On("elsewhere", (_, _) => ReachNobodyAsync()));

        await engine.ProcessInOneBatchAsync([Message.OfProbe("k", "elsewhere"), Message.OfProbe("neighbour")]).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);

        Assert.Equal(["neighbour"], await Tables.TextsAsync("SELECT idempotency_key FROM orders WHERE item <> 'plug'"));
        Assert.Equal(["k"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>As a statement beyond temp_file_limit, a missing library, a full tablespace, a file that cannot be written: the database answers everything else.</summary>
    [Fact]
    public async Task Row08_what_a_database_refuses_that_is_there_holds_up_no_neighbour_and_is_parked_by_no_means()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.SqlServer, "Declared difference: SQL Server raises none of its own errors when it is asked to.");
        var isRefused = true;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On(
            "refused", (_, database) => isRefused ? RefuseAsync(database) : Task.CompletedTask));

        var all = engine.ProcessInOneBatchAsync(Enumerable.Range(0, 20).Select(i => Message.OfProbe($"key-{i:00}", i == 7 ? "refused" : "good")));

        await Eventually.Equal(19, () => Tables.CountAsync("orders", "item = 'good'"));
        // Three times with all the others, then once in each part, and alone once more at least.
        await Eventually.True(() => engine.Script.Runs("refused") > 9);
        Assert.Equal(0, await Tables.CountAsync("orders", "item = 'refused'") + await Tables.CountAsync("parked_messages"));
        isRefused = false;
        await all.WaitAsync(TimeSpan.FromMinutes(1), Cancelled);
        Assert.Equal(1, await Tables.EffectsAsync("key-07"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>What a full disk looks like: SELECT 1 is answered, and whatever writes is refused.</summary>
    [Fact]
    public async Task Row08_a_full_database_is_asked_now_and_then_and_everything_takes_effect_when_there_is_room()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.SqlServer, "Declared difference: SQL Server raises none of its own errors when it is asked to.");
        const int messages = 20;
        var isFull = true;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On("writing", (_, database) => isFull ? RefuseAsync(database) : Task.CompletedTask));

        var all = engine.ProcessInOneBatchAsync(Enumerable.Range(0, messages).Select(i => Message.OfProbe($"key-{i:00}", "writing")));

        // All together three times, and once each part of them; then at most once a second each.
        const int untilAllWereAlone = 3 + (2 * messages) - 2;
        await Eventually.True(() => engine.Script.Runs("writing") >= untilAllWereAlone);
        Assert.InRange(engine.Script.Runs("writing"), untilAllWereAlone, 2 * untilAllWereAlone);
        isFull = false;
        await all.WaitAsync(TimeSpan.FromMinutes(1), Cancelled);
        Assert.Equal(messages, await Tables.CountAsync("orders", "item = 'writing'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(39)]
    public async Task Row15_the_neighbours_of_a_poison_message_take_effect_once_and_are_not_parked(int position)
    {
        // One attempt only: had a neighbour lost one to the poison, it would be parked.
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.Throws("poison"));
        var batch = Enumerable.Range(0, 40).Select(i => Message.OfProbe($"key-{i:00}", i == position ? "poison" : "good"));

        await engine.ProcessInOneBatchAsync(batch);

        Assert.Equal(39, await Tables.CountAsync("orders", "item = 'good'"));
        Assert.Equal([$"key-{position:00}"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages"));
        await Tables.AssertAtomicAsync();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        Assert.Equal(39, engine.Broker.Sent.Count(m => m.Destination == Destination.Event(typeof(Probed)) && Encoding.UTF8.GetString(m.Body).Contains("good", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Row10_a_unique_violation_in_a_business_table_is_poison_and_never_a_duplicate()
    {
        await Tables.ExecuteAsync("CREATE TABLE seats (seat int NOT NULL PRIMARY KEY)");
        await Tables.ExecuteAsync("INSERT INTO seats VALUES (7)");
        var engine = await StartEngineAsync(s => s.Script.On("seat", (_, database) => database.Database.ExecuteSqlRawAsync("INSERT INTO seats VALUES (7)")));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("k", "seat"), Message.OfProbe("neighbour", "good"));

        Assert.Equal([ParkingReason.Poison], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'k'"));
        Assert.Equal(0, await Tables.CountAsync("inbox", "idempotency_key = 'k'"));
        Assert.Equal(1, await Tables.EffectsAsync("neighbour"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row10_a_violation_that_only_saving_finds_is_poison_too()
    {
        var engine = await StartEngineAsync(s => s.Script.On("bad", (_, database) =>
        {
            foreach (var order in database.Orders.Local)
            {
                database.Entry(order).Property(o => o.Quantity).CurrentValue = 0; // ck_orders_quantity
            }

            return Task.CompletedTask;
        }));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "bad"));

        Assert.Equal([ParkingReason.Poison], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal(0, await Tables.CountAsync("inbox") + await Tables.CountAsync("orders"));
    }

    [Fact]
    public async Task A_business_refusal_is_an_outcome_like_any_other()
    {
        var engine = await StartEngineAsync(s => s.Services.AddInboxForRefusals(s));

        await engine.ProcessAsync("refuse", Message.Of("refusals", "k", "{}"), Message.Of("refusals", "k", "{}"));

        var row = Assert.Single(await Tables.RowsAsync("SELECT status, result FROM inbox"));
        Assert.Equal("failed", row[0]);
        Assert.Equal("""{"code":"closed","detail":"We are closed."}""", row[1]);
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Theory]
    [InlineData("\ud83d")]
    [InlineData("\0")]
    public async Task An_error_of_any_text_can_be_parked(string text)
    {
        var engine = await StartEngineAsync(s => s.Script.On("odd", (_, _) => throw new InvalidOperationException($"before{text}after")));

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k", "odd")).WaitAsync(TimeSpan.FromSeconds(30), Cancelled);

        Assert.Contains("after", Assert.Single(await Tables.TextsAsync("SELECT error FROM parked_messages")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row09_a_deadlock_that_a_handler_runs_into_is_nobodys_fault()
    {
        Assert.SkipWhen(Provider == DatabaseProvider.Sqlite, "Declared difference: SQLite has one writer and so no deadlocks.");
        await Tables.ExecuteAsync("CREATE TABLE accounts (id int NOT NULL PRIMARY KEY, amount int NOT NULL)");
        await Tables.ExecuteAsync("INSERT INTO accounts VALUES (1, 0), (2, 0)");
        Engine[] engines = [await StartTransferringAsync(1, 2), await StartTransferringAsync(2, 1)];

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => engines[i % 2].ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}", "transfer"))));

        Assert.Equal(10, Convert.ToInt32(await Tables.ValueAsync("SELECT amount FROM accounts WHERE id = 1"), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();

        Task<Engine> StartTransferringAsync(int first, int second) => StartEngineAsync(s => s.With("Inbox:MaxBatchSize", 1).Script.On("transfer", async (_, database) =>
        {
            foreach (var account in (int[])[first, second])
            {
                await database.Database.ExecuteSqlAsync($"UPDATE accounts SET amount = amount + 1 WHERE id = {account}");
            }
        }));
    }

    private Task RefuseAsync(DbContext database)
    {
        const int readOnly = 8; // SQLITE_READONLY
        return Provider == DatabaseProvider.Sqlite
            ? Task.FromException(new SqliteException("attempt to write a readonly database", readOnly))
            : database.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE 'temporary file size exceeds temp_file_limit' USING ERRCODE = '53400'; END $$");
    }

    private async Task ReachNobodyAsync()
    {
        await using DbConnection connection = Provider switch
        {
            DatabaseProvider.PostgreSql => new NpgsqlConnection($"Host=127.0.0.1;Port={FreePort.Next()};Username=nobody;Database=elsewhere"),
            DatabaseProvider.SqlServer => new SqlConnection($"Server=127.0.0.1,{FreePort.Next()};User Id=nobody;Password=none;Connect Timeout=2;Connect Retry Count=0"),
            _ => new SqliteConnection($"Data Source={Path.Combine(Path.GetTempPath(), Guid.CreateVersion7().ToString(), "elsewhere.db")}"),
        };
        await connection.OpenAsync(Cancelled);
    }
}

public sealed class HandlerFailureOnSqlite(SharedServers servers) : HandlerFailureContract(servers, DatabaseProvider.Sqlite);

public sealed class HandlerFailureOnPostgreSql(SharedServers servers) : HandlerFailureContract(servers, DatabaseProvider.PostgreSql)
{
    /// <summary>SQLite has one writer, and SQL Server such failures under SNAPSHOT only, which nobody here asks for.</summary>
    [Fact]
    public async Task Row09_a_serialization_failure_in_a_handler_is_run_again_and_is_no_attempt()
    {
        const int failures = 3;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On("unlucky", (run, database) => run <= failures
            ? database.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE 'could not serialize access' USING ERRCODE = '40001'; END $$")
            : Task.CompletedTask));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("k", "unlucky"), Message.OfProbe("neighbour", "good"));

        Assert.Equal(failures + 1, engine.Script.Runs("unlucky"));
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(1, await Tables.EffectsAsync("neighbour"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>As of max_locks_per_transaction, when a batch touches many partitions.</summary>
    [Fact]
    public async Task Row08_a_batch_that_needs_more_than_the_server_has_is_halved()
    {
        const int locks = 8;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On("partition", (_, database) => database.Orders.Local.Count > locks
            ? database.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE 'out of shared memory' USING ERRCODE = '53200'; END $$")
            : Task.CompletedTask));

        await engine.ProcessInOneBatchAsync(Enumerable.Range(0, 4 * locks).Select(i => Message.OfProbe($"key-{i:00}", "partition"))).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);

        Assert.Equal(4 * locks, await Tables.CountAsync("orders", "item = 'partition'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>As by a pooler's limit for statements: to the driver that is a connection lost.</summary>
    [Fact]
    public async Task Row08_a_handler_that_loses_its_session_each_time_holds_up_no_neighbour()
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On(
            "deadly", (_, database) => database.Database.ExecuteSqlRawAsync("SELECT pg_terminate_backend(pg_backend_pid())")));

        var all = engine.ProcessInOneBatchAsync(Message.OfProbe("k", "deadly"), Message.OfProbe("neighbour", "good"));

        await Eventually.Equal(1, () => Tables.EffectsAsync("neighbour"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        Assert.False(all.IsCompleted);
    }
}

public sealed class HandlerFailureOnSqlServer(SharedServers servers) : HandlerFailureContract(servers, DatabaseProvider.SqlServer);
