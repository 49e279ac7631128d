using Messaging.Services;
using Npgsql;

namespace Messaging.Database;

/// <summary>What a COMMIT leans on that is the last statement of a command, behind a BEGIN of Npgsql's own.</summary>
public sealed class TravellingCommitTests(SharedServers servers) : IAsyncLifetime
{
    private TestDatabase _database = null!;
    private NpgsqlDataSource _source = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await (await servers.PostgresAsync()).CreateDatabaseAsync("commit");
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_database.ConnectionString) { MaxAutoPrepare = 20, AutoPrepareMinUsages = 2 });
        await using var command = _source.CreateCommand("CREATE TABLE claims (key int PRIMARY KEY)");
        await command.ExecuteNonQueryAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
            await _database.DisposeAsync();
        }
    }

    /// <summary>Also when the COMMIT has become a prepared statement, at its third use.</summary>
    [Fact]
    public async Task It_ends_the_transaction_and_the_next_one_begins_on_the_same_connection()
    {
        await using var connection = await _source.OpenConnectionAsync(Ct);
        foreach (var key in Enumerable.Range(0, 5))
        {
            await InsertAsync(connection, key, "; COMMIT");
            await using var outside = _source.CreateCommand($"SELECT count(*) FROM claims");
            Assert.Equal(key + 1L, await outside.ExecuteScalarAsync(Ct));
        }
    }

    [Fact]
    public async Task A_statement_that_fails_in_front_of_it_is_not_committed_and_neither_is_what_was_before_that()
    {
        await using var connection = await _source.OpenConnectionAsync(Ct);
        foreach (var key in Enumerable.Range(0, 5))
        {
            await InsertAsync(connection, key, "; COMMIT");
            var failure = await Assert.ThrowsAsync<PostgresException>(() => InsertAsync(connection, 100 + key, $"; INSERT INTO claims VALUES ({key}); COMMIT"));
            Assert.Equal(PostgresErrorCodes.UniqueViolation, failure.SqlState);
        }

        await using var command = new NpgsqlCommand("SELECT count(*), max(key) FROM claims", connection);
        await using var reader = await command.ExecuteReaderAsync(Ct);
        await reader.ReadAsync(Ct);
        Assert.Equal((5L, 4), (reader.GetInt64(0), reader.GetInt32(1)));
    }

    private static async Task InsertAsync(NpgsqlConnection connection, int key, string ending)
    {
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        await using var command = new NpgsqlCommand($"INSERT INTO claims VALUES (@key){ending}", connection, transaction);
        command.Parameters.Add(new NpgsqlParameter("key", key));
        await command.ExecuteNonQueryAsync(Ct);
    }
}
