using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;

namespace Messaging.Database;

/// <summary>An empty database of a test's own, of any kind: a file for SQLite, a database on the shared server else.</summary>
internal sealed class EmptyDatabase(string connectionString, Func<Task> drop) : IAsyncDisposable
{
    public string ConnectionString => connectionString;

    public static async Task<EmptyDatabase> CreateAsync(SharedServers servers, DatabaseProvider provider)
    {
        switch (provider)
        {
            case DatabaseProvider.Sqlite:
                return InFolder(Directory.CreateTempSubdirectory("messaging-database-").FullName);
            case DatabaseProvider.PostgreSql:
                return Of(await (await servers.PostgresAsync()).CreateDatabaseAsync("contract"));
            default:
                return Of(await (await servers.SqlServerAsync()).CreateDatabaseAsync("contract"));
        }
    }

    /// <summary>A file in a folder of its own, which goes with it.</summary>
    public static EmptyDatabase InFolder(string folder)
    {
        var text = $"Data Source={Path.Combine(folder, "orders.db")}";
        return new EmptyDatabase(text, () =>
        {
            using (var connection = new SqliteConnection(text))
            {
                SqliteConnection.ClearPool(connection);
            }

            Directory.Delete(folder, recursive: true);
            return Task.CompletedTask;
        });
    }

    public async ValueTask DisposeAsync() => await drop();

    private static EmptyDatabase Of(TestDatabase database) => new(database.ConnectionString, () => database.DisposeAsync().AsTask());
}
