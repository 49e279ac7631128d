using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Messaging.Database;

/// <summary>One process of a deployment, as far as the database can tell: the engine in a host of its own.</summary>
internal sealed class Engine : IAsyncDisposable
{
    private readonly IHost _host;

    public Engine(DatabaseProvider provider, string connectionString, Action<EngineSetup>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var setup = new EngineSetup(builder)
            .With("Database:Provider", provider).With("ConnectionStrings:Orders", connectionString)
            .With("Inbox:RetryDelayMilliseconds", 5).With("Inbox:MaxAttempts", 3)
            .With("Dispatch:PollIntervalMilliseconds", 50).With("Dispatch:LeaseMilliseconds", 600_000)
            .With("Reconcile:IntervalSeconds", 0).With("Reconcile:OlderThanSeconds", 86_400)
            .With("Retention:IntervalSeconds", 0).With("Retention:PauseMilliseconds", 0);
        configure?.Invoke(setup);
        setup.Register();
        Script = setup.Script;
        _host = builder.Build();
    }

    public IServiceProvider Services => _host.Services;

    public ProbeScript Script { get; }

    public RecordingTransport Broker => (RecordingTransport)Services.GetRequiredService<ITransport>();

    public Submissions Submissions => Services.GetRequiredService<Submissions>();

    public Reconciler Reconciler => Services.GetRequiredService<Reconciler>();

    public Retention Retention => Services.GetRequiredService<Retention>();

    public Schema Schema => Services.GetRequiredService<Schema>();

    public DatabaseGate Gate => Services.GetRequiredService<DatabaseGate>();

    public Transactional.Database Database => Services.GetRequiredService<Transactional.Database>();

    public static async Task MigrateAsync(DatabaseProvider provider, string connectionString)
    {
        await using var engine = new Engine(provider, connectionString);
        await engine.Schema.MigrateAsync(CancellationToken.None);
    }

    public async Task StartAsync()
    {
        await _host.StartAsync();
        await Gate.WaitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30));
    }

    public Task StartWithoutWaitingAsync() => _host.StartAsync();

    public Task StopAsync() => _host.StopAsync();

    public IInbox Inbox(string operation) => Services.GetServices<IInbox>().Single(i => i.Operation == operation);

    /// <summary>Hands deliveries to the inbox of one operation, all at once, and waits until each may be acknowledged.</summary>
    public Task ProcessAsync(string operation, params IEnumerable<Delivery> deliveries)
    {
        var inbox = Inbox(operation);
        return Task.WhenAll(deliveries.Select(d => inbox.ProcessAsync(d, TestContext.Current.CancellationToken)));
    }

    /// <summary>The same for the probe, in one transaction: the workers are held up until all of them wait.</summary>
    public async Task ProcessInOneBatchAsync(params IEnumerable<Delivery> deliveries)
    {
        var workers = Database.Dialect.Writers;
        var plugs = Script.HoldPlugs();
        var held = new List<Task>();
        for (var i = 0; i < workers; i++)
        {
            held.Add(ProcessAsync(Probe.Operation, Message.OfProbe($"plug-{Guid.CreateVersion7()}", ProbeScript.Plug)));
            await plugs.WaitForAsync(i + 1);
        }

        var all = ProcessAsync(Probe.Operation, deliveries);
        plugs.Release();
        await Task.WhenAll([all, .. held]);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}
