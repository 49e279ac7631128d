namespace Messaging.Services;

/// <summary>A private PostgreSQL cluster from the installed binaries, reachable over loopback only.</summary>
internal sealed class PostgresCluster : IServer
{
    private static readonly string? Binaries = FindBinaries();

    private readonly TemporaryFolder _folder = new("postgres");
    private readonly LocalServer _server;
    private SmallDisk? _disk;

    private PostgresCluster()
    {
        Port = FreePort.Next();
        // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        _server = new LocalServer(Origin, Port, Launch, Signal.Interrupt, command => Command.RunAsync(Tool(command[0]), command[1..]));
    }

    public static bool IsInstalled => Binaries is not null;

    public string Host => _server.Host;

    public int Port { get; }

    public string Origin => $"local {Binaries}";

    private string Data => _folder["data"];

    /// <param name="dataMegabytes">Puts the data, though not the write-ahead log, on a disk of this size.</param>
    public static async Task<PostgresCluster> NewAsync(int? dataMegabytes = null)
    {
        var cluster = new PostgresCluster();
        if (Environment.IsPrivilegedProcess)
        {
            await Command.RunAsync("chown", ["postgres", cluster._folder.Path]);
        }

        if (dataMegabytes is { } megabytes)
        {
            cluster._disk = await SmallDisk.MountAsync(cluster.Data, megabytes, "postgres");
        }

        var (program, arguments) = AsPostgres(
            Tool("initdb"), "--pgdata", cluster.Data, "--waldir", cluster._folder["wal"], "--username", PostgresSource.User, "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C");
        await Command.RunAsync(program, arguments);
        return cluster;
    }

    public Task StartAsync() => _server.StartAsync();

    public Task StopAsync() => _server.StopAsync();

    public Task KillAsync() => _server.KillAsync();

    public Task PauseAsync() => _server.PauseAsync();

    public Task ResumeAsync() => _server.ResumeAsync();

    public Task<string> RunAsync(params string[] command) => _server.RunAsync(command);

    public Task<string> LogAsync() => _server.LogAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_disk is not null)
        {
            await _disk.DisposeAsync();
        }

        _folder.Dispose();
    }

    private ChildProcess Launch()
    {
        var (program, arguments) = AsPostgres(
            [Tool("postgres"), "-D", Data, "-p", $"{Port}", "-h", Host, "-c", "unix_socket_directories=", .. PostgresSource.Settings]);
        return ChildProcess.Start(program, arguments, workingDirectory: _folder.Path);
    }

    private static string Tool(string name) => Path.Combine(Binaries!, name);

    /// <summary>PostgreSQL refuses to run as root. setpriv replaces itself, so the process that we signal is the server.</summary>
    private static (string Program, IReadOnlyList<string> Arguments) AsPostgres(params string[] command)
        => Environment.IsPrivilegedProcess
            ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", .. command])
            : (command[0], command[1..]);

    private static string? FindBinaries()
    {
        const string debian = "/usr/lib/postgresql";
        var newestFirst = Directory.Exists(debian)
            ? Directory.EnumerateDirectories(debian).OrderByDescending(folder => folder, StringComparer.Ordinal).Select(folder => Path.Combine(folder, "bin"))
            : [];
        return Path.GetDirectoryName(Executable.Find("initdb", newestFirst));
    }
}
