using Microsoft.Data.SqlClient;
using Microsoft.Extensions.Logging.Abstractions;
using Testcontainers.MsSql;

namespace Messaging.Services;

/// <summary>
/// A SQL Server: the one named in MESSAGING_TEST_SQLSERVER, else a container. Where neither can be had the test is skipped,
/// even with MESSAGING_REQUIRE_SERVICES=1, because no Linux distribution packages it; <c>./test</c> says so in its last lines.
/// </summary>
public sealed class SqlServerServer : IAsyncDisposable
{
    private const int SqlServerPort = 1433;

    private readonly IServer? _server;
    private readonly SqlConnectionStringBuilder _administration;
    private int _databases;

    private SqlServerServer(IServer? server, string connectionString)
    {
        _server = server;
        _administration = new SqlConnectionStringBuilder(connectionString) { Pooling = false };
    }

    public string Origin => _server?.Origin ?? "MESSAGING_TEST_SQLSERVER";

    private static string Image
        => Environment.GetEnvironmentVariable("MESSAGING_TEST_SQLSERVER_IMAGE") ?? "mcr.microsoft.com/mssql/server:2022-latest";

    public async Task<TestDatabase> CreateDatabaseAsync(string purpose = "test")
    {
        var name = $"{purpose}_{Environment.ProcessId}_{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync($"CREATE DATABASE [{name}]");
        var connectionString = new SqlConnectionStringBuilder(_administration.ConnectionString) { InitialCatalog = name, Pooling = true };
        return new TestDatabase(
            connectionString.ConnectionString,
            () => ExecuteAsync($"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE [{name}]"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    internal static async Task<SqlServerServer> FindAsync()
    {
        if (Environment.GetEnvironmentVariable("MESSAGING_TEST_SQLSERVER") is { Length: > 0 } named)
        {
            return new SqlServerServer(null, named);
        }

        if (await DockerEngine.ObstacleAsync(Image) is { } obstacle)
        {
            Unavailable.EvenThoughRequired(
                $"there is no SQL Server: {obstacle}. Start a Docker that can pull, or name a server in MESSAGING_TEST_SQLSERVER.");
        }

        var port = FreePort.Next();
        var container = new MsSqlBuilder(Image)
            .WithPortBinding(port, SqlServerPort)
            .WithLogger(NullLogger.Instance)
            .WithLabel(TestRun.Label, TestRun.Id)
            .Build();
        var server = new ContainerServer(container, port);
        await server.StartAsync();
        return new SqlServerServer(server, container.GetConnectionString());
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new SqlConnection(_administration.ConnectionString);
        await connection.OpenAsync();
        await using var command = new SqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
