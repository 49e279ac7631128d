using Microsoft.Extensions.Logging.Abstractions;
using Testcontainers.PostgreSql;

namespace Messaging.Services;

/// <summary>Finds a PostgreSQL server: a container, else a local one, else the reason why there is none.</summary>
internal static class PostgresSource
{
    public const string User = "messaging";
    public const string Password = "messaging";

    /// <summary>
    /// Both for the container and the local server, and MESSAGING_TEST_POSTGRES_OPTIONS after them; in a container they undo Testcontainers' own "-c fsync=off", since the last one wins.
    /// </summary>
    public static readonly string[] Settings =
    [
        "-c", "fsync=on",
        "-c", "full_page_writes=on",
        "-c", "synchronous_commit=on",
        "-c", "max_connections=300",
        "-c", "log_lock_waits=on",
        .. (Environment.GetEnvironmentVariable("MESSAGING_TEST_POSTGRES_OPTIONS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries),
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

    /// <summary>A new server whose data, though not its write-ahead log, lies on a disk of so many megabytes; not started.</summary>
    public static async Task<IServer> NewOnSmallDiskAsync(int megabytes)
    {
        if (await DockerEngine.ObstacleAsync(Image) is not { } obstacle)
        {
            return Container(builder => builder
                .WithEnvironment("PGDATA", "/small/data")
                .WithEnvironment("POSTGRES_INITDB_WALDIR", "/var/lib/postgresql/wal")
                .WithCreateParameterModifier(create => create.HostConfig!.Tmpfs = new Dictionary<string, string> { ["/small"] = $"size={megabytes}m" }));
        }

        if (PostgresCluster.IsInstalled && SmallDisk.IsPossible)
        {
            return await PostgresCluster.NewAsync(megabytes);
        }

        Unavailable.Because($"there is no PostgreSQL on a small disk: {obstacle}, and to mount one for an installed server takes root on Linux. Start Docker, or run ./test as root.");
        return null;
    }

    private static ContainerServer Container() => Container(builder => builder);

    private static ContainerServer Container(Func<PostgreSqlBuilder, PostgreSqlBuilder> further)
    {
        var port = FreePort.Next();
        var container = further(new PostgreSqlBuilder(Image)
            .WithUsername(User)
            .WithPassword(Password)
            .WithPortBinding(port, PostgresPort)
            .WithCommand(Settings)
            .WithLogger(NullLogger.Instance)
            .WithLabel(TestRun.Label, TestRun.Id))
            .Build();
        return new ContainerServer(container, port);
    }
}
