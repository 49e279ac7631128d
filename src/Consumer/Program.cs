using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Transactional;

const string Usage = """
    Processes accepted orders and payments, each exactly once.

    Usage: Messaging.Consumer [command] [--Section:Key value …]

      (none)     process until stopped; SIGTERM finishes what has begun
      migrate    bring the database schema up to date and exit; several may run at once
      --help     this text

    Settings come from the environment, or as --Section:Key value:
      Database__Provider            Sqlite, PostgreSql or SqlServer
      ConnectionStrings__Orders     the database
      ConnectionStrings__RabbitMq   amqp://user:password@host:5672/, or @a,b,c/ for the nodes of a cluster
      ASPNETCORE_URLS               where /health/live, /health/ready and /metrics listen; default: a free port on loopback
    All others are in README.md, Settings.
    """;

if (args.Any(a => a is "--help" or "-h" or "help"))
{
    Console.WriteLine(Usage);
    return 0;
}

var migrate = args is ["migrate", ..];
var settings = migrate ? args[1..] : args;
if (settings.Length > 0 && !settings[0].StartsWith("--", StringComparison.Ordinal))
{
    await Console.Error.WriteLineAsync($"Not understood: {settings[0]}{Environment.NewLine}{Environment.NewLine}{Usage}");
    return 2;
}

return await WrongSetting.TellAsync(migrate ? MigrateAsync : ProcessAsync);

WebApplicationBuilder CreateBuilder()
{
    // Settings are read at start. Watching appsettings.json for changes watches the working folder and everything below it.
    var builder = WebApplication.CreateBuilder(["--hostBuilder:reloadConfigOnChange=false", .. settings]);
    if (string.IsNullOrEmpty(builder.Configuration["urls"]))
    {
        builder.WebHost.UseUrls("http://127.0.0.1:0");
    }

    builder.AddConsumer();
    return builder;
}

async Task<int> MigrateAsync()
{
    var builder = CreateBuilder();
    // On an empty database EF Core asks for a table that is not there yet, and would log that as a failure.
    builder.Logging.AddFilter("Microsoft.EntityFrameworkCore.Database.Command", LogLevel.None);
    await using var tool = builder.Build();
    return await tool.Services.GetRequiredService<Schema>().MigrateAndTellAsync();
}

async Task<int> ProcessAsync()
{
    var builder = CreateBuilder();
    WebApplication? app = null;
    builder.Logging.TellFailedStart(LogLevel.Information, () => app?.Lifetime.ApplicationStarted.IsCancellationRequested == true);
    builder.Services.AddSystemd();
    builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(30));
    builder.AddTelemetry();
    builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology
        .Queue(SubmitOrder.Queue).Queue(CapturePayment.Queue).Event<OrderCreated>().Event<PaymentCaptured>());
    var ways = ReceiveWays.Read(builder.Configuration);
    builder.Services.AddMassTransit(x =>
    {
        x.DisableUsageTelemetry(); // It would tell its vendor about this process, and print a stack trace where there is no internet.
        x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(context.GetRequiredService<RabbitMqOptions>());
            bus.ReceiveSubmissions(context, ways);
        });
    });
    builder.Services.ReceiveSubmissions(ways);

    await using (app = builder.Build())
    {
        WrongSetting.Check(app.Services);
        app.MapHealth();
        app.MapPrometheusScrapingEndpoint("/metrics");
        await app.RunAsync();
    }

    return Environment.ExitCode;
}
