using Npgsql;

namespace Messaging.Stack;

/// <summary>A table that grew until the disk was full. Disposing frees it, also on behalf of a test that failed: on a full disk no database is dropped.</summary>
internal sealed class DiskFiller : IAsyncDisposable
{
    private readonly string _connectionString;

    private DiskFiller(string connectionString) => _connectionString = connectionString;

    public static async Task<DiskFiller> FillAsync(string connectionString)
    {
        var filler = new DiskFiller(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await filler.ExecuteAsync("CREATE TABLE filler (page text) WITH (fillfactor = 10)");
        try
        {
            // A page takes one such row; a statement that fails leaves its pages to the table.
            while (true)
            {
                await filler.ExecuteAsync("INSERT INTO filler SELECT repeat('x', 700) FROM generate_series(1, 500)");
            }
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.DiskFull)
        {
            return filler;
        }
    }

    public async ValueTask DisposeAsync() => await ExecuteAsync("DROP TABLE IF EXISTS filler");

    /// <summary>On a connection of its own: the driver gives one up whose server has no room.</summary>
    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
