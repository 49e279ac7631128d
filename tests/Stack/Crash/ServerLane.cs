using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Publisher;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Data.SqlClient;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>RabbitMQ and a database server, each behind a proxy that cuts.</summary>
internal sealed class ServerLane : CrashLane
{
    private readonly DatabaseProvider _provider;
    private readonly TestDatabase _database;
    private readonly VirtualHost _host;
    private readonly Action<IServiceCollection>? _sabotage;
    private readonly CommitCutter? _cutter;
    private readonly string _connectionString;
    private int _reset;

    private ServerLane(DatabaseProvider provider, TestDatabase database, VirtualHost host, Action<IServiceCollection>? sabotage)
        : base(new DatabaseOptions(provider, database.ConnectionString))
    {
        (_provider, _database, _host, _sabotage) = (provider, database, host, sabotage);
        ToBroker = new FaultProxy(host.Uri.Host, host.Uri.Port);
        if (provider == DatabaseProvider.PostgreSql)
        {
            _cutter = new CommitCutter(database.ConnectionString, work: "INSERT INTO submissions");
            (ToDatabase, _connectionString) = (_cutter.Proxy, _cutter.ConnectionString);
        }
        else
        {
            var server = new SqlConnectionStringBuilder(database.ConnectionString);
            var address = server.DataSource.Split(',');
            ToDatabase = new FaultProxy(address[0], address.Length > 1 ? int.Parse(address[1], System.Globalization.CultureInfo.InvariantCulture) : 1433);
            server.DataSource = $"127.0.0.1,{ToDatabase.Port}";
            _connectionString = server.ConnectionString;
        }
    }

    public FaultProxy ToBroker { get; }

    public FaultProxy ToDatabase { get; }

    /// <param name="sabotage">Replaces what a control run breaks.</param>
    /// <param name="servers">The shared ones.</param>
    /// <param name="provider">PostgreSQL or SQL Server.</param>
    public static async Task<ServerLane> CreateAsync(SharedServers servers, DatabaseProvider provider, Action<IServiceCollection>? sabotage = null)
    {
        var database = provider == DatabaseProvider.PostgreSql
            ? await (await servers.PostgresAsync()).CreateDatabaseAsync("crash")
            : await (await servers.SqlServerAsync()).CreateDatabaseAsync("crash");
        var lane = new ServerLane(provider, database, await (await servers.RabbitMqAsync()).CreateVirtualHostAsync("crash"), sabotage);
        await lane.MigrateAsync();
        return lane;
    }

    public override WebApplication Build(string url) => Build(url, ReceiveWay.Direct);

    public override WebApplication Build(string url, CrashCell cell) => Build(url, cell.Way);

    private WebApplication Build(string url, ReceiveWay way)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        builder.Configuration.AddInMemoryCollection(Settings(
            _connectionString, new UriBuilder(_host.Uri) { Host = "127.0.0.1", Port = ToBroker.Port }.Uri, ":"));
        builder.Configuration["Inbox:MaxBatchDelayMilliseconds"] = BatchDelay(way);
        builder.AddPublisher(anonymousOnLoopback: true);
        builder.AddConsumer();
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology
            .Queue(SubmitOrder.Queue).Queue(CapturePayment.Queue).Event<OrderCreated>().Event<PaymentCaptured>());
        builder.Services.ReceiveSubmissions(ReceiveWays.Both(way));
        if (way != ReceiveWay.Direct)
        {
            // A bus that is stopped while it starts may go on receiving, within this process, what the next cell needs.
            builder.Services.Configure<MassTransitHostOptions>(o => o.WaitUntilStarted = true);
            builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
            {
                bus.Host(context.GetRequiredService<RabbitMqOptions>());
                bus.ReceiveSubmissions(context, ReceiveWays.Both(way));
            }));
        }

        _sabotage?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapPublisher();
        return app;
    }

    public override ServiceOptions ProcessFor(CrashCell cell)
    {
        var settings = Settings(_database.ConnectionString, _host.Uri, "__");
        settings["ASPNETCORE_ENVIRONMENT"] = "Development";
        settings["Inbox__Way"] = $"{cell.Way}";
        settings["Inbox__MaxBatchDelayMilliseconds"] = BatchDelay(cell.Way);
        settings["MESSAGING_CRASH_POINT"] = cell.Path;
        return new ServiceOptions(IsFedByBroker(cell) ? "Consumer" : "Publisher", settings);
    }

    /// <summary>Through MassTransit's pipe messages come one after the other, and a cell wants several in one batch.</summary>
    private static string BatchDelay(ReceiveWay way) => way == ReceiveWay.ConsumePipe ? "50" : "0";

    public override bool IsFedByBroker(CrashCell cell) => cell.Point[0] is 'C' or 'R';

    public override int Cuts => Volatile.Read(ref _reset) + (_cutter?.Done ?? 0);

    public override void CutDatabase(string? atCommitOf)
    {
        if (atCommitOf is not null)
        {
            _cutter!.CutNext(atCommitOf);
        }
        else
        {
            Interlocked.Add(ref _reset, ToDatabase.ResetAll());
        }
    }

    public override void CutBroker() => Interlocked.Add(ref _reset, ToBroker.ResetAll());

    public override async Task<long> QueuedAsync() =>
        (await _host.CountAsync(SubmitOrder.Queue)).Messages + (await _host.CountAsync(CapturePayment.Queue)).Messages;

    /// <summary>How many services listen to a queue.</summary>
    public Task<uint> ConsumersAsync(string queue) => _host.ConsumersAsync(queue);

    public override async Task PublishAsync(IEnumerable<Request> requests, string client)
    {
        var published = requests.ToList();
        await RedeliverAsync(published, client);
        published.ForEach(request => Journal.Confirmed(request, client));
    }

    /// <summary>Messages that nobody is told of: what a broker does that hands out again what it handed out before.</summary>
    public async Task RedeliverAsync(IEnumerable<Request> requests, string client)
    {
        await using var connection = await _host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken);
        foreach (var request in requests)
        {
            var properties = new BasicProperties
            {
                Persistent = true,
                ContentType = "application/json",
                Headers = new Dictionary<string, object?> { ["Idempotency-Key"] = request.Key, ["client-id"] = client },
            };
            await channel.BasicPublishAsync("", request.Queue, mandatory: true, properties, System.Text.Encoding.UTF8.GetBytes(request.Json), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Until no message waits; those in somebody's hands are seen when the service has stopped.</summary>
    public Task TakenAsync(TimeSpan limit) => Eventually.Equal(0L, QueuedAsync, limit);

    /// <summary>And none is in anybody's hands: a service that stops gives back what it has.</summary>
    public Task DrainedAsync(TimeSpan limit) => Eventually.Satisfies(
        async () => (await _host.QueuesAsync()).Where(q => q.Name is SubmitOrder.Queue or CapturePayment.Queue).ToList(), q => q.Count == 2 && q.All(queue => queue.IsDrained), limit);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await ToBroker.DisposeAsync();
        await ToDatabase.DisposeAsync();
        await _database.DisposeAsync();
        await _host.DisposeAsync();
    }

    /// <summary>Short leases and pauses: a dead process's rows are taken over soon.</summary>
    private Dictionary<string, string?> Settings(string connectionString, Uri broker, string separator) => new()
    {
        ["Database" + separator + "Provider"] = _provider.ToString(),
        ["ConnectionStrings" + separator + "Orders"] = connectionString,
        ["ConnectionStrings" + separator + "RabbitMq"] = broker.ToString(),
        ["Dispatch" + separator + "LeaseMilliseconds"] = "1000",
        ["Dispatch" + separator + "PollIntervalMilliseconds"] = "100",
        ["Inbox" + separator + "RetryDelayMilliseconds"] = "20",
        ["Retention" + separator + "IntervalSeconds"] = "1",
    };
}
