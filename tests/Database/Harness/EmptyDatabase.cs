using System.Runtime.CompilerServices;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Messaging.Database;

/// <summary>An empty database of a test's own, of any kind: a file for SQLite, a database on the shared server else.</summary>
internal sealed class EmptyDatabase(string connectionString, Func<Task> drop) : IAsyncDisposable
{
    /// <summary>On PostgreSQL a migration takes longer than most tests: done once on each server, the others are copies.</summary>
    private static readonly ConditionalWeakTable<PostgresServer, Lazy<Task<TestDatabase>>> Templates = [];

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

    /// <summary>With its tables, and nothing in them.</summary>
    public static async Task<EmptyDatabase> CreateMigratedAsync(SharedServers servers, DatabaseProvider provider)
    {
        if (provider == DatabaseProvider.PostgreSql)
        {
            var server = await servers.PostgresAsync();
            return Of(await server.CreateDatabaseAsync("contract", await Templates.GetValue(server, s => new(() => MigrateAsync(s))).Value));
        }

        var database = await CreateAsync(servers, provider);
        await Engine.MigrateAsync(provider, database.ConnectionString);
        return database;
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

    /// <summary>Dropped with its server, or by whoever owns the server that was named. No connection may be left to it, or it could not be copied.</summary>
    private static async Task<TestDatabase> MigrateAsync(PostgresServer server)
    {
        var database = await server.CreateDatabaseAsync("template");
        await Engine.MigrateAsync(DatabaseProvider.PostgreSql, new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false }.ConnectionString);
        return database;
    }

    private static EmptyDatabase Of(TestDatabase database) => new(database.ConnectionString, () => database.DisposeAsync().AsTask());
}
