using System.Globalization;
using Messaging.Services;
using Npgsql;
using RabbitMQ.Client.Events;

namespace Messaging.Throughput;

/// <summary>The database and the virtual host of one run, and what they must hold when it has ended; gone with it.</summary>
internal sealed class Ground(VirtualHost host, TestDatabase database, bool ownsDatabase, Assignment work) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource = NpgsqlDataSource.Create(database.ConnectionString);

    public VirtualHost Host => host;

    public TestDatabase Database => database;

    public Assignment Work => work;

    public NpgsqlDataSource DataSource => _dataSource;

    public async Task ExecuteAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql, params object[] values)
    {
        await using var command = _dataSource.CreateCommand(sql);
        command.Parameters.AddRange(Array.ConvertAll(values, value => new NpgsqlParameter { Value = value }));
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    /// <summary>The one column of a query, as text.</summary>
    public async Task<List<string>> ReadAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var values = new List<string>();
        while (await reader.ReadAsync())
        {
            values.Add(reader.GetValue(0).ToString()!);
        }

        return values;
    }

    /// <exception cref="InvalidOperationException">The count is another one: the run did not do its work exactly once.</exception>
    public async Task RequireAsync(long expected, string sql, params object[] values)
    {
        var found = await CountAsync(sql, values);
        if (found != expected)
        {
            throw new InvalidOperationException($"Not exactly once: {expected} expected, {found} found by {sql}");
        }
    }

    /// <summary>There are as many rows as keys, and no key is missing: so each is there once, and no other.</summary>
    /// <param name="keys">Those that were sent, each once.</param>
    /// <param name="rows">A query of one column.</param>
    public async Task RequireKeysAsync(string[] keys, string rows)
    {
        await RequireAsync(keys.Length, $"SELECT count(*) FROM ({rows}) AS found");
        await RequireAsync(0, $"SELECT count(*) FROM (SELECT unnest($1) EXCEPT ({rows})) AS missing", [keys]);
    }

    /// <summary>Every key has one order and one outcome, neither without the other, and no other key has; nothing is parked, nothing waits to be sent.</summary>
    /// <param name="keys">Those that were sent, each once.</param>
    /// <param name="startedAt">When that began; what was claimed before it is of other runs.</param>
    public async Task RequireExactlyOnceAsync(string[] keys, DateTimeOffset startedAt = default)
    {
        var ours = string.Create(CultureInfo.InvariantCulture,
            $"FROM inbox WHERE operation = 'submit-order' AND status IS NOT NULL AND claimed_at_ms >= {startedAt.ToUnixTimeMilliseconds()}");
        await RequireKeysAsync(keys, "SELECT idempotency_key FROM orders");
        await RequireKeysAsync(keys, $"SELECT idempotency_key {ours}");
        await RequireAsync(0, $"SELECT count(*) FROM (SELECT client, idempotency_key FROM orders EXCEPT SELECT client, idempotency_key {ours}) AS phantoms");
        await RequireAsync(0, "SELECT count(*) FROM inbox WHERE status IS NULL");
        await RequireAsync(0, "SELECT count(*) FROM parked_messages");
        await RequireAsync(0, "SELECT count(*) FROM outgoing_messages");
    }

    /// <summary>From the queue itself: nobody listens, so what was in somebody's hands is back, and it holds exactly so many.</summary>
    public Task RequireQueuedAsync(string queue, int messages, TimeSpan? limit = null) =>
        Eventually.Equal(((uint)messages, 0u), () => host.CountAsync(queue), limit);

    /// <summary>Takes all messages out of the queue: each of the expected is there once, and no other.</summary>
    /// <param name="queue">Nobody listens to it.</param>
    /// <param name="expected">What tells the messages apart, each once.</param>
    /// <param name="identify">Reads that from a message.</param>
    /// <param name="limit">Until the queue holds so many.</param>
    /// <exception cref="InvalidOperationException">One is missing, and so another one is there that is doubled or that nobody sent.</exception>
    public async Task RequireMessagesAsync(string queue, IReadOnlyCollection<string> expected, Func<BasicDeliverEventArgs, string?> identify, TimeSpan? limit = null)
    {
        await RequireQueuedAsync(queue, expected.Count, limit);
        var missing = expected.ToHashSet(StringComparer.Ordinal);
        if (missing.Count < expected.Count)
        {
            throw new InvalidOperationException($"Not exactly once: {expected.Count} messages of {queue} have {missing.Count} identities.");
        }

        missing.ExceptWith(await Broker.DrainAsync(work.Broker, queue, expected.Count, identify));
        if (missing.Count > 0)
        {
            throw new InvalidOperationException($"Not exactly once: {queue} holds as many messages as were sent, {expected.Count}, but of these {missing.Count} are missing, such as {missing.First()}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _dataSource.DisposeAsync();
        if (ownsDatabase)
        {
            await database.DisposeAsync();
        }

        await host.DisposeAsync();
    }
}
