using System.Data.Common;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>A service neither runs on a schema that is behind nor on a database that can lose a commit or a key.</summary>
public abstract class SchemaContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    protected override bool IsMigrated => false;

    [Fact]
    public async Task Eight_migrations_at_once_bring_one_schema_up_to_date()
    {
        var engines = Enumerable.Range(0, 8).Select(_ => Build()).ToList();

        await Task.WhenAll(engines.Select(e => Task.Run(() => e.Schema.MigrateAsync(Cancelled), Cancelled)));

        Assert.Empty(await engines[0].Schema.MigrateAsync(Cancelled));
        Assert.Null(await engines[0].Gate.LookAsync(Cancelled));
        Assert.Equal(0, await Tables.CountAsync("inbox"));
    }

    [Fact]
    public async Task The_gate_says_what_is_behind_and_opens_after_the_migration()
    {
        var engine = Build();
        await engine.StartWithoutWaitingAsync();
        // Five of the engine and of the service; on PostgreSQL one more makes room for outcomes.
        var behind = $"behind by {(Provider == DatabaseProvider.PostgreSql ? 6 : 5)} migration(s)";
        await Eventually.True(() => engine.Gate.ClosedBecause?.Contains(behind, StringComparison.Ordinal) == true);
        var waiting = engine.ProcessAsync(Probe.Operation, Message.OfProbe("k"));

        await Build().Schema.MigrateAsync(Cancelled);

        await waiting;
        Assert.Null(engine.Gate.ClosedBecause);
        Assert.Equal(1, await Tables.EffectsAsync("k"));
    }

    [Theory]
    [InlineData("inbox", "key_digest")]
    [InlineData("submissions", "key_digest")]
    [InlineData("outgoing_messages", "id")]
    public async Task The_gate_refuses_a_table_without_its_unique_index(string table, string column)
    {
        var engine = Build();
        await engine.Schema.MigrateAsync(Cancelled);

        await Tables.ExecuteAsync(Provider == DatabaseProvider.SqlServer
            ? $"EXEC sp_rename '{table}', 'with_index'; SELECT * INTO {table} FROM with_index"
            : $"ALTER TABLE {table} RENAME TO with_index; CREATE TABLE {table} AS SELECT * FROM with_index");
        await Tables.ExecuteAsync($"CREATE INDEX not_unique ON {table} ({column})");
        await Tables.ExecuteAsync($"CREATE UNIQUE INDEX wider ON {table} ({column}, client)");
        await Tables.ExecuteAsync($"CREATE UNIQUE INDEX partial ON {table} ({column}) WHERE client <> 'acme'");

        var refusal = await Assert.ThrowsAsync<UnsafeSettingException>(() => engine.Gate.LookAsync(Cancelled));
        Assert.Contains($"{table}({column})", refusal.Message, StringComparison.Ordinal);
        await Tables.ExecuteAsync($"CREATE UNIQUE INDEX restored ON {table} ({column})");
        if (table == "submissions")
        {
            await Tables.ExecuteAsync("CREATE UNIQUE INDEX restored_too ON submissions (id)");
        }

        Assert.Null(await engine.Gate.LookAsync(Cancelled));
    }

    [Fact]
    public async Task A_database_that_is_not_there_yet_is_behind_and_looking_makes_none()
    {
        var missing = Provider == DatabaseProvider.Sqlite
            ? ConnectionString.Replace("orders.db", "missing.db", StringComparison.Ordinal)
            : new DbConnectionStringBuilder { ConnectionString = ConnectionString, ["Database"] = $"missing_{Guid.CreateVersion7():N}" }.ConnectionString;
        var engine = Build(s => s.With("ConnectionStrings:Orders", missing));

        Assert.Contains("Run this service once with the argument 'migrate'", await engine.Gate.LookAsync(Cancelled), StringComparison.Ordinal);
        Assert.Contains("behind by", await engine.Gate.LookAsync(Cancelled), StringComparison.Ordinal);
        if (Provider == DatabaseProvider.Sqlite)
        {
            Assert.False(File.Exists(missing["Data Source=".Length..]));
            await engine.Schema.MigrateAsync(Cancelled);
            Assert.Null(await engine.Gate.LookAsync(Cancelled));
        }
    }

    [Fact]
    public async Task A_database_that_answers_nobody_is_waited_for()
    {
        var engine = Build(s => s.With("ConnectionStrings:Orders", Provider switch
        {
            DatabaseProvider.Sqlite => "Data Source=/nowhere/at/all/orders.db",
            DatabaseProvider.PostgreSql => "Host=127.0.0.1;Port=1;Username=nobody;Timeout=2",
            _ => "Server=127.0.0.1,1;User Id=nobody;Password=none;Connect Timeout=2;Encrypt=false",
        }));
        await engine.StartWithoutWaitingAsync();

        await Eventually.True(() => engine.Gate.ClosedBecause is { } reason && (reason.Contains("cannot be reached", StringComparison.Ordinal) || reason.Contains("behind", StringComparison.Ordinal)));
        await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled));
    }
}

public sealed class SchemaOnSqlite(SharedServers servers) : SchemaContract(servers, DatabaseProvider.Sqlite)
{
    [Fact]
    public async Task A_file_may_be_named_by_a_URI()
    {
        var engine = Build(s => s.With("ConnectionStrings:Orders", ConnectionString.Replace("Data Source=", "Data Source=file:", StringComparison.Ordinal)));
        await Build().Schema.MigrateAsync(Cancelled);

        Assert.Null(await engine.Gate.LookAsync(Cancelled));
    }

    [Fact]
    public async Task A_lock_that_a_killed_migration_left_behind_holds_up_nobody()
    {
        await Tables.ExecuteAsync("""
            CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY, "Timestamp" TEXT NOT NULL);
            INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01 00:00:00');
            """);

        var applied = await Build().Schema.MigrateAsync(Cancelled).WaitAsync(TimeSpan.FromSeconds(30), Cancelled);

        Assert.Equal(5, applied.Count);
    }

    [Fact]
    public async Task A_database_in_memory_is_refused()
    {
        var engine = Build(s => s.With("ConnectionStrings:Orders", "Data Source=:memory:"));

        var refusal = await Assert.ThrowsAsync<UnsafeSettingException>(() => engine.Gate.LookAsync(Cancelled));

        Assert.Contains("held in memory", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_write_is_WAL_and_FULL()
    {
        var engine = Build();
        await engine.Schema.MigrateAsync(Cancelled);
        await using var connection = await Tables.OpenAsync();
        await using (var weaken = connection.CreateCommand())
        {
            weaken.CommandText = "PRAGMA synchronous = OFF";
            await weaken.ExecuteNonQueryAsync(Cancelled);
        }

        await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
        await using var command = transaction.CreateCommand();
        command.CommandText = "SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous)";

        Assert.Equal("wal 2", await command.ExecuteScalarAsync(Cancelled));
    }
}

public sealed class SchemaOnPostgreSql(SharedServers servers) : SchemaContract(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task A_database_that_answers_before_it_has_written_is_refused()
    {
        var engine = Build();
        await engine.Schema.MigrateAsync(Cancelled);
        Assert.Null(await engine.Gate.LookAsync(Cancelled));
        await Tables.ExecuteAsync($"ALTER DATABASE \"{await Tables.ValueAsync("SELECT current_database()")}\" SET synchronous_commit = off");

        var refusal = await Assert.ThrowsAsync<UnsafeSettingException>(() => Build().Gate.LookAsync(Cancelled));

        Assert.Contains("synchronous_commit=off", refusal.Message, StringComparison.Ordinal);
    }
}

public sealed class SchemaOnSqlServer(SharedServers servers) : SchemaContract(servers, DatabaseProvider.SqlServer)
{
    [Fact]
    public async Task A_database_that_answers_before_it_has_written_is_refused()
    {
        var engine = Build();
        await engine.Schema.MigrateAsync(Cancelled);
        await Tables.ExecuteAsync("ALTER DATABASE CURRENT SET DELAYED_DURABILITY = FORCED");

        await Assert.ThrowsAsync<UnsafeSettingException>(() => engine.Gate.LookAsync(Cancelled));
    }
}
