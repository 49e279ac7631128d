using Microsoft.Extensions.Logging.Abstractions;
using Testcontainers.PostgreSql;

namespace Messaging.Services;

/// <summary>Finds a PostgreSQL server: a container, else a local one, else the reason why there is none.</summary>
internal static class PostgresSource
{
    public const string User = "messaging";
    public const string Password = "messaging";

    /// <summary>
    /// Both for the container and the local server; in a container they undo Testcontainers' own "-c fsync=off", since the last one wins.
    /// </summary>
    public static readonly string[] Settings =
    [
        "-c", "fsync=on",
        "-c", "full_page_writes=on",
        "-c", "synchronous_commit=on",
        "-c", "max_connections=300",
        "-c", "log_lock_waits=on",
    ];

    private const int PostgresPort = 5432;

    private static string Image => Environment.GetEnvironmentVariable("MESSAGING_TEST_POSTGRES_IMAGE") ?? "postgres:17";

    public static string? Named
        => Environment.GetEnvironmentVariable("MESSAGING_TEST_POSTGRES") is { Length: > 0 } connectionString ? connectionString : null;

    /// <summary>A new server, not started.</summary>
    public static async Task<IServer> NewAsync()
    {
        if (await DockerEngine.ObstacleAsync(Image) is not { } obstacle)
        {
            return Container();
        }

        if (PostgresCluster.IsInstalled)
        {
            return await PostgresCluster.NewAsync();
        }

        Unavailable.Because(
            $"there is no PostgreSQL: {obstacle}, and its server is not installed. "
            + "Start Docker, or install postgresql, or name a server in MESSAGING_TEST_POSTGRES, or run ./test, which sees to it.");
        return null;
    }

    private static ContainerServer Container()
    {
        var port = FreePort.Next();
        var container = new PostgreSqlBuilder(Image)
            .WithUsername(User)
            .WithPassword(Password)
            .WithPortBinding(port, PostgresPort)
            .WithCommand(Settings)
            .WithLogger(NullLogger.Instance)
            .WithLabel(TestRun.Label, TestRun.Id)
            .Build();
        return new ContainerServer(container, port);
    }
}
