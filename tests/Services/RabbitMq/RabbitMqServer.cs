using RabbitMQ.Client;

namespace Messaging.Services;

/// <summary>
/// A RabbitMQ broker: the one named in MESSAGING_TEST_RABBITMQ, else a container, else a local node.
/// Isolation is by virtual host. A test that stops, kills or pauses the broker takes one of its own.
/// </summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly IServer? _server;
    private readonly IBrokerAdministration _administration;
    private readonly Uri _broker;
    private int _virtualHosts;

    private RabbitMqServer(IServer? server, IBrokerAdministration administration, Uri broker)
    {
        _server = server;
        _administration = administration;
        _broker = broker;
    }

    public string Origin => _server?.Origin ?? "MESSAGING_TEST_RABBITMQ";

    /// <summary>What MESSAGING_TEST_RABBITMQ_MANAGEMENT takes; null for a cluster, which is asked by rabbitmqctl.</summary>
    public Uri? ManagementAddress => (_administration as RabbitMqManagement)?.Address;

    /// <summary>False between a stop or kill and the next start.</summary>
    public bool IsRunning { get; private set; } = true;

    private IServer Own => _server ?? throw new InvalidOperationException(
        "The broker named in MESSAGING_TEST_RABBITMQ is not ours to stop. Take one with SharedServers.OwnRabbitMqAsync.");

    public async Task<VirtualHost> CreateVirtualHostAsync(string purpose = "test")
    {
        var name = $"{purpose}-{Environment.ProcessId}-{Interlocked.Increment(ref _virtualHosts)}";
        await _administration.CreateVirtualHostAsync(name);
        return new VirtualHost(this, _administration, name);
    }

    public Uri UriOf(string virtualHost) => new UriBuilder(_broker) { Path = Uri.EscapeDataString(virtualHost) }.Uri;

    public Task<string> VersionAsync() => _administration.VersionAsync();

    /// <summary>rabbitmqctl, wherever it is: for alarms, policies and whatever else a test needs to do to a broker.</summary>
    public Task<string> ControlAsync(params string[] arguments) => Own.RunAsync(["rabbitmqctl", "-q", .. arguments]);

    /// <summary>
    /// Writes down which quorum queues there are. RabbitMQ does so every half second, and one that is killed before has a queue that
    /// takes no messages and lost those it had confirmed (seen on 3.10). Call it after declaring, before a kill that is about something else.
    /// </summary>
    public Task SettleAsync() => ControlAsync("eval", "[dets:sync(Table) || Table <- dets:all()].");

    public async Task StartAsync()
    {
        await Own.StartAsync();
        await WaitUntilReadyAsync();
        IsRunning = true;
    }

    public async Task StopAsync()
    {
        IsRunning = false;
        await Own.StopAsync();
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async Task KillAsync()
    {
        IsRunning = false;
        await Own.KillAsync();
    }

    /// <summary>
    /// It dies, and its data directory with it: what starts next knows no queue, no virtual host and no message. Stopped first, so that
    /// nothing is written behind the deletion.
    /// </summary>
    public async Task LoseDataAsync()
    {
        await ControlAsync("stop_app");
        await ControlAsync("eval", "file:del_dir_r(mnesia:system_info(directory)).");
        await KillAsync();
    }

    public Task PauseAsync() => Own.PauseAsync();

    public Task ResumeAsync() => Own.ResumeAsync();

    public Task<string> LogAsync() => Own.LogAsync();

    public async ValueTask DisposeAsync()
    {
        (_administration as IDisposable)?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    internal static RabbitMqServer Named(Uri broker) => new(null, RabbitMqManagement.OfNamed(broker), broker);

    internal static Task<RabbitMqServer> StartAsync((IServer Server, int ManagementPort) broker) =>
        StartAsync(broker.Server, new RabbitMqManagement(
            new Uri($"http://{broker.Server.Host}:{broker.ManagementPort}"), $"{BrokerSettings.User}:{BrokerSettings.Password}", BrokerSettings.CountersAge));

    internal static Task<RabbitMqServer> StartAsync(ClusterServer cluster) => StartAsync(cluster, new RabbitMqCtl(cluster));

    private static async Task<RabbitMqServer> StartAsync(IServer server, IBrokerAdministration administration)
    {
        var broker = new Uri($"amqp://{BrokerSettings.User}:{BrokerSettings.Password}@{server.Host}:{server.Port}/");
        var started = new RabbitMqServer(server, administration, broker);
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
        var factory = new ConnectionFactory { Uri = UriOf("/"), AutomaticRecoveryEnabled = false };
        try
        {
            await Eventually.Succeeds(
                async () =>
                {
                    await using var connection = await factory.CreateConnectionAsync();
                },
                StartLimit,
                "a first connection");
        }
        catch (Xunit.Sdk.FailException exception)
        {
            throw new TimeoutException($"RabbitMQ ({Origin}) did not come up. {exception.Message}\n{await Own.LogAsync()}", exception);
        }
    }
}
