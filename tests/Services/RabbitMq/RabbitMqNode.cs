namespace Messaging.Services;

/// <summary>
/// A private RabbitMQ node from the installed binaries: own name, ports, data, cookie and port mapper (epmd),
/// so that it meets neither the machine's broker nor another test run's.
/// </summary>
internal sealed class RabbitMqNode : IServer
{
    // Debian's /usr/sbin/rabbitmq-server insists on the user rabbitmq and its folders; the script behind it does not.
    private static readonly string? Server = Executable.Find("rabbitmq-server", "/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin");

    private readonly TemporaryFolder _folder = new("rabbitmq");
    private readonly Dictionary<string, string?> _environment;
    private readonly LocalServer _server;
    private ChildProcess? _portMapper;

    private RabbitMqNode()
    {
        Port = FreePort.Next();
        ManagementPort = FreePort.Next();
        _environment = Environment(Port, FreePort.Next(), FreePort.Next());
        _server = new LocalServer(Origin, Port, Launch, Signal.Terminate, Run);
    }

    public static bool IsInstalled => Server is not null && Executable.Find("epmd") is not null;

    public string Host => _server.Host;

    public int Port { get; }

    public int ManagementPort { get; }

    public string Origin => "local rabbitmq-server";

    public static RabbitMqNode New() => new();

    public Task StartAsync()
    {
        // Ours and in the foreground: the one that Erlang starts by itself is a daemon, and would outlive the tests.
        _portMapper ??= ChildProcess.Start(Executable.Find("epmd")!, [], _environment);
        return _server.StartAsync();
    }

    public Task StopAsync() => _server.StopAsync();

    public Task KillAsync() => _server.KillAsync();

    public Task PauseAsync() => _server.PauseAsync();

    public Task ResumeAsync() => _server.ResumeAsync();

    public Task<string> RunAsync(params string[] command) => _server.RunAsync(command);

    public Task<string> LogAsync() => _server.LogAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_portMapper is not null)
        {
            await _portMapper.DisposeAsync();
        }

        _folder.Dispose();
    }

    private ChildProcess Launch() => ChildProcess.Start(Server!, [], _environment, _folder.Path);

    private Task<string> Run(string[] command)
        => Command.RunAsync(Path.Combine(Path.GetDirectoryName(Server)!, command[0]), command[1..], _environment);

    private Dictionary<string, string?> Environment(int port, int distributionPort, int portMapperPort)
    {
        File.WriteAllText(_folder["rabbitmq.conf"], $"default_user = {BrokerSettings.User}\ndefault_pass = {BrokerSettings.Password}\n");
        File.WriteAllText(_folder["advanced.config"], BrokerSettings.Advanced("127.0.0.1", ManagementPort));
        File.WriteAllText(_folder["enabled_plugins"], BrokerSettings.Plugins);
        return new Dictionary<string, string?>
        {
            ["HOME"] = _folder.Path,
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_EPMD_PORT"] = $"{portMapperPort}",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = BrokerSettings.ErlangArguments,
            ["RABBITMQ_NODENAME"] = $"messaging{port}@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = $"{port}",
            ["RABBITMQ_DIST_PORT"] = $"{distributionPort}",
            ["RABBITMQ_MNESIA_BASE"] = _folder["data"],
            ["RABBITMQ_LOG_BASE"] = _folder["log"],
            ["RABBITMQ_LOGS"] = "-",
            ["RABBITMQ_PID_FILE"] = _folder["pid"],
            ["RABBITMQ_CONFIG_FILE"] = _folder["rabbitmq.conf"],
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = _folder["advanced.config"],
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = _folder["enabled_plugins"],
            ["RABBITMQ_CONF_ENV_FILE"] = _folder["rabbitmq-env.conf"],
        };
    }
}
