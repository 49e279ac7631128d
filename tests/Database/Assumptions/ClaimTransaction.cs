using System.Globalization;
using Messaging.Services;
using Npgsql;

namespace Messaging.Database;

/// <summary>One transaction that claims sorted keys, and can tell from outside whether it waits for a lock.</summary>
internal sealed class ClaimTransaction : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;
    private readonly string _owner;

    private ClaimTransaction(NpgsqlDataSource source, NpgsqlConnection connection, NpgsqlTransaction transaction, string owner)
    {
        _source = source;
        _connection = connection;
        _transaction = transaction;
        _owner = owner;
    }

    public static async Task<ClaimTransaction> BeginAsync(NpgsqlDataSource source, string owner)
    {
        var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        return new ClaimTransaction(source, connection, await connection.BeginTransactionAsync(TestContext.Current.CancellationToken), owner);
    }

    /// <summary>Returns the keys that were claimed, ascending.</summary>
    public async Task<List<int>> ClaimAsync(params int[] keys)
    {
        await using var command = new NpgsqlCommand(
            "INSERT INTO claims (key, owner) SELECT key, @owner FROM unnest(@keys) AS keys (key) ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING key",
            _connection,
            _transaction);
        command.Parameters.AddWithValue("owner", _owner);
        command.Parameters.AddWithValue("keys", keys);
        List<int> claimed = [];
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            claimed.Add(reader.GetInt32(0));
        }

        claimed.Sort();
        return claimed;
    }

    public async Task<string?> OwnerOfAsync(int key)
    {
        await using var command = new NpgsqlCommand("SELECT owner FROM claims WHERE key = @key", _connection, _transaction);
        command.Parameters.AddWithValue("key", key);
        return (string?)await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    public Task WaitUntilBlockedAsync() => Eventually.Equal("Lock", async () =>
    {
        await using var command = _source.CreateCommand($"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {Process}");
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken) as string;
    });

    public Task CommitAsync() => _transaction.CommitAsync(TestContext.Current.CancellationToken);

    public Task RollbackAsync() => _transaction.RollbackAsync(TestContext.Current.CancellationToken);

    /// <summary>As a killed client looks to the server.</summary>
    public async Task CutAsync()
    {
        await using var command = _source.CreateCommand($"SELECT pg_terminate_backend({Process})");
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private string Process => _connection.ProcessID.ToString(CultureInfo.InvariantCulture);
}
