using MassTransit;
using Messaging.Consumer;
using Messaging.Publisher;
using Messaging.Transactional;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration.Memory;

namespace Messaging.Standalone;

/// <summary>Publisher and consumer in one process. The broker lives and dies with it; the database file is what lasts.</summary>
internal static class StandaloneHost
{
    private const string DefaultUrl = "http://localhost:5080";

    /// <summary>What fits a broker in the process, unless the environment says otherwise.</summary>
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        // The in-memory transport wakes a reader per place for every message; more than a batch or two only costs.
        ["Inbox:PrefetchCount"] = "200",
        // No other process can subscribe to it; the demo sends orders.
        ["Orders:PublishEvents"] = "false",
        // The one writer of the file is what everything waits for.
        ["Orders:SetBased"] = "true",
    };

    public static string DatabaseFile(string folder) => Path.Combine(folder, "messaging.db");

    /// <summary>The command without arguments: serves until stopped.</summary>
    public static async Task<int> RunAsync(string folder, CancellationToken cancellationToken)
    {
        if (await TryTakeAsync(folder) is not { } owner)
        {
            return 1;
        }

        await using (owner)
        {
            await using var app = Build(folder, Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? DefaultUrl, LogLevel.Warning);
            await app.Services.GetRequiredService<Schema>().MigrateAsync(cancellationToken);
            await app.StartAsync(cancellationToken);
            Tell(AddressOf(app), folder);
            await app.WaitForShutdownAsync(cancellationToken);
            return Environment.ExitCode;
        }
    }

    /// <param name="folder">Holds the database file; made when missing.</param>
    /// <param name="urls">Where to listen.</param>
    /// <param name="verbosity">Least level that is logged to the console.</param>
    public static WebApplication Build(string folder, string urls, LogLevel verbosity)
    {
        Directory.CreateDirectory(folder);
        // Settings are read once. Watching them for changes watches the whole folder, and every write to the database file below it is an event.
        var builder = WebApplication.CreateBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        WebApplication? app = null;
        builder.Logging.SetMinimumLevel(verbosity);
        builder.Logging.TellFailedStart(verbosity, () => app?.Lifetime.ApplicationStarted.IsCancellationRequested == true);
        builder.WebHost.UseUrls(urls);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:Provider"] = nameof(DatabaseProvider.Sqlite),
            ["ConnectionStrings:Orders"] = $"Data Source={DatabaseFile(folder)}",
            ["Reconcile:EverythingAtStart"] = "true",
        });
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });
        builder.AddPublisher(anonymousOnLoopback: true);
        builder.AddConsumer();
        builder.Services.UseBusTransport();
        // It starts at once; and a bus that is stopped while it starts, because the port is taken, says so in lines of its own.
        builder.Services.Configure<MassTransitHostOptions>(o => o.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x =>
        {
            x.DisableUsageTelemetry(); // It would tell its vendor about this process, and print a stack trace where there is no internet.
            x.UsingInMemory((context, bus) => bus.ReceiveSubmissions(context, ReceiveWays.Both(ReceiveWay.ReceivePipe)));
        });
        app = builder.Build();
        app.MapPublisher();
        return app;
    }

    public static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();

    /// <summary>One process a folder: at its start it takes every message for its own. Null, and told why, when the folder cannot be had.</summary>
    public static async Task<IAsyncDisposable?> TryTakeAsync(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(Path.Combine(folder, "standalone.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var mend = IsHeldByAnother(exception) ? "Stop the other process" : "Mend that";
            await Console.Error.WriteLineAsync($"The folder '{folder}' cannot be used: {exception.Message} {mend}, or choose another folder with --data.");
            return null;
        }
    }

    /// <summary>What a lock that is taken is called by Linux (EAGAIN), by macOS (the same), and by Windows (a sharing violation).</summary>
    private static bool IsHeldByAnother(Exception failure) => failure is IOException { HResult: 11 or 35 or unchecked((int)0x80070020) };

    private static void Tell(string address, string folder) => Console.WriteLine($$"""
        Messaging Standalone: orders and payments over HTTP, each taking effect exactly once.
        Listening on {{address}}, database {{DatabaseFile(folder)}}, stop with Ctrl-C.

        Try it (paste it twice: the second answer is the first one again):
          curl -i {{address}}/api/orders -H 'Idempotency-Key: unique-key-123' -H 'Content-Type: application/json' -d '{"item":"book","quantity":1}'
        """);
}
