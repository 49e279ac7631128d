namespace Messaging.Services;

/// <summary>
/// The repository's docker-compose.yml on PostgreSQL, as a project and on ports of its own: a user's own one may run beside it. Gone with
/// its volumes and networks when disposed; when the test process is killed, <c>./test</c> finds it by its name.
/// </summary>
public sealed class ComposeProject : IAsyncDisposable
{
    /// <summary>The first time it pulls and builds images.</summary>
    private static readonly TimeSpan UpLimit = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan DownLimit = TimeSpan.FromMinutes(3);

    private readonly string[] _compose;
    private readonly string[] _files;
    private readonly Dictionary<string, string?> _environment;

    private ComposeProject(string[] compose)
    {
        _compose = [.. compose, "-p", Name];
        // Images that ./test made where none can be pulled.
        _files = ["-f", File, .. Environment.GetEnvironmentVariable("MESSAGING_TEST_COMPOSE_OVERRIDE") is { Length: > 0 } images ? (string[])["-f", images] : []];
        _environment = new()
        {
            ["COMPOSE_PROFILES"] = "postgres",
            ["MESSAGING_HTTP_PORT"] = $"{Publisher.Port}",
            ["MESSAGING_RABBITMQ_PORT"] = $"{Broker.Port}",
            ["MESSAGING_MANAGEMENT_PORT"] = $"{Management.Port}",
            ["MESSAGING_POSTGRES_PORT"] = $"{PostgresPort}",
        };
    }

    public static string File => Path.Combine(Repository.Root, "docker-compose.yml");

    /// <summary>As compose is called for this project.</summary>
    public string Command => string.Join(' ', _compose);

    public Uri Publisher { get; } = new($"http://localhost:{FreePort.Next()}");

    public Uri Broker { get; } = new($"amqp://messaging:Development-only-1@localhost:{FreePort.Next()}/");

    public Uri Management { get; } = new($"http://localhost:{FreePort.Next()}");

    public string ConnectionString => $"Host=localhost;Port={PostgresPort};Database=messaging;Username=messaging;Password=Development-only-1";

    private static string Name => "messaging-" + TestRun.Id;

    private int PostgresPort { get; } = FreePort.Next();

    /// <summary>Up, and removed again where that fails.</summary>
    public static async Task<ComposeProject> StartAsync()
    {
        var project = new ComposeProject(await FindAsync());
        try
        {
            // What ./test made is not built again.
            await project.RunAsync(UpLimit, "up", "--detach", project._files.Length > 2 ? "--no-build" : "--build");
            return project;
        }
        catch
        {
            await project.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await RunAsync(DownLimit, "down", "--volumes", "--remove-orphans");

    public Task<string> LogAsync(params string[] services) => RunAsync(DownLimit, ["logs", "--no-color", "--tail", "30", .. services]);

    private Task<string> RunAsync(TimeSpan limit, params string[] arguments)
        => Services.Command.RunAsync(_compose[0], [.. _compose[1..], .. _files, .. arguments], _environment, limit);

    private static async Task<string[]> FindAsync()
    {
        foreach (var compose in (string[][])[["docker", "compose"], ["docker-compose"]])
        {
            try
            {
                await Services.Command.RunAsync(compose[0], [.. compose[1..], "version"]);
                await Services.Command.RunAsync("docker", ["version"]);
                return compose;
            }
            catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // The other one, or none.
            }
        }

        Unavailable.Because("there is no docker compose, or no Docker engine answers. Install Docker with its compose plugin, or run ./test stack --explicit, which sees to it.");
        return [];
    }
}
