using System.Data.Common;
using System.Globalization;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>What the tables say, read past the engine.</summary>
internal sealed class Tables(DatabaseOptions options) : IAsyncDisposable
{
    private readonly Transactional.Database _database = new(options);

    public async Task<long> CountAsync(string table, string condition = "1 = 1") =>
        Convert.ToInt64(await ValueAsync($"SELECT COUNT(*) FROM {table} WHERE {condition}"), CultureInfo.InvariantCulture);

    public async Task<object?> ValueAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    public async Task<List<object?[]>> RowsAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<object?[]>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            var row = new object?[reader.FieldCount];
            reader.GetValues(row!);
            rows.Add([.. row.Select(v => v is DBNull ? null : v)]);
        }

        return rows;
    }

    public async Task<List<string>> TextsAsync(string sql) =>
        (await RowsAsync(sql)).ConvertAll(r => Convert.ToString(r[0], CultureInfo.InvariantCulture)!);

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public Task<DbConnection> OpenAsync() => _database.OpenAsync(TestContext.Current.CancellationToken);

    /// <summary>Invariants I2 and I4 over probes and orders: no key with two effects, and claim, effect and outcome only together.</summary>
    public async Task AssertAtomicAsync()
    {
        const string effect = "SELECT 1 FROM orders AS o WHERE o.client = i.client AND o.idempotency_key = i.idempotency_key";
        const string claim = "SELECT 1 FROM inbox AS i WHERE i.client = o.client AND i.idempotency_key = o.idempotency_key";
        Assert.Equal(0, await CountAsync("inbox AS i", $"NOT EXISTS ({effect})"));
        Assert.Equal(0, await CountAsync("orders AS o", $"NOT EXISTS ({claim})"));
        Assert.Equal(0, await CountAsync("inbox AS i", "i.status IS NULL"));
        Assert.Equal(0, await CountAsync("(SELECT 1 AS n FROM orders GROUP BY client, idempotency_key HAVING COUNT(*) > 1) AS twice"));
    }

    /// <summary>On SQLite there is nothing to see: the one writer's turn is waited for before any lock.</summary>
    public Task WaitUntilSomebodyWaitsForALockAsync() => options.Provider switch
    {
        DatabaseProvider.PostgreSql => Eventually.True(async () => await CountAsync("pg_stat_activity", "wait_event_type = 'Lock' AND datname = current_database()") > 0),
        DatabaseProvider.SqlServer => Eventually.True(async () => await CountAsync("sys.dm_exec_requests", "blocking_session_id <> 0 AND database_id = DB_ID()") > 0),
        _ => Task.CompletedTask,
    };

    public Task<long> EffectsAsync(string key) => CountAsync("orders", $"idempotency_key = '{key}'");

    public async ValueTask DisposeAsync() => await _database.DisposeAsync();
}
