using Npgsql;

namespace Messaging.Services;

/// <summary>
/// A PostgreSQL server: the one named in MESSAGING_TEST_POSTGRES, else a container, else a local one. fsync stays on: durability
/// is what we test. Isolation is by database. A test that stops, kills or pauses the server takes one of its own.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>Dropping a database waits for a checkpoint, and that for a disk that other tests keep busy.</summary>
    private static readonly TimeSpan AdministrationLimit = TimeSpan.FromMinutes(3);

    private readonly IServer? _server;
    private readonly NpgsqlConnectionStringBuilder _administration;
    private int _databases;

    private PostgresServer(IServer? server, string connectionString)
    {
        _server = server;
        _administration = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
    }

    public string Origin => _server?.Origin ?? "MESSAGING_TEST_POSTGRES";

    /// <summary>What MESSAGING_TEST_POSTGRES takes.</summary>
    public string ConnectionString => _administration.ConnectionString;

    private IServer Own => _server ?? throw new InvalidOperationException(
        "The server named in MESSAGING_TEST_POSTGRES is not ours to stop. Take one with SharedServers.OwnPostgresAsync.");

    /// <param name="purpose">The beginning of its name.</param>
    /// <param name="template">Whose copy it is; nobody may be connected to that one. Empty without.</param>
    public async Task<TestDatabase> CreateDatabaseAsync(string purpose = "test", TestDatabase? template = null)
    {
        var name = $"{purpose}_{Environment.ProcessId}_{Interlocked.Increment(ref _databases)}";
        var copied = template is null ? "" : $" TEMPLATE \"{new NpgsqlConnectionStringBuilder(template.ConnectionString).Database}\"";
        await ExecuteAsync($"CREATE DATABASE \"{name}\"{copied}");
        var connectionString = new NpgsqlConnectionStringBuilder(_administration.ConnectionString)
        {
            Database = name,
            Pooling = true,
            IncludeErrorDetail = true,
        };
        return new TestDatabase(connectionString.ConnectionString, () => ExecuteAsync($"DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
    }

    public async Task StartAsync()
    {
        await Own.StartAsync();
        await WaitUntilReadyAsync();
    }

    public Task StopAsync() => Own.StopAsync();

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public Task KillAsync() => Own.KillAsync();

    public Task PauseAsync() => Own.PauseAsync();

    public Task ResumeAsync() => Own.ResumeAsync();

    public Task<string> LogAsync() => Own.LogAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    internal static PostgresServer Named(string connectionString) => new(null, connectionString);

    internal static async Task<PostgresServer> StartAsync(IServer server, string user, string password)
    {
        var connectionString = new NpgsqlConnectionStringBuilder
        {
            Host = server.Host,
            Port = server.Port,
            Username = user,
            Password = password,
            Database = "postgres",
        };
        var started = new PostgresServer(server, connectionString.ConnectionString);
        try
        {
            await started.StartAsync();
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    private async Task WaitUntilReadyAsync()
    {
        try
        {
            await Eventually.Succeeds(() => ExecuteAsync("SELECT 1"), StartLimit, "a first query");
        }
        catch (Xunit.Sdk.FailException exception)
        {
            throw new TimeoutException($"PostgreSQL ({Origin}) did not come up. {exception.Message}\n{await Own.LogAsync()}", exception);
        }
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_administration.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = (int)AdministrationLimit.TotalSeconds };
        await command.ExecuteNonQueryAsync();
    }
}
