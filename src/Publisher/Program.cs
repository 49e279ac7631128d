using Messaging.Contracts;
using Messaging.Publisher;
using Messaging.Transactional;

var command = CommandLine.Read(args);
switch (command)
{
    case Command.Help:
        Console.WriteLine(CommandLine.Usage);
        return 0;
    case Command.NewKey when ApiKey.FindProblem(args[1]) is { } problem:
        await Console.Error.WriteLineAsync(problem);
        return 2;
    case Command.NewKey:
        Console.WriteLine(ApiKey.Introduce(args[1]));
        return 0;
    case Command.Unknown:
        await Console.Error.WriteLineAsync($"Not understood: {string.Join(' ', args)}{Environment.NewLine}{Environment.NewLine}{CommandLine.Usage}");
        return 2;
}

return await WrongSetting.TellAsync(command == Command.Migrate ? MigrateAsync : ServeAsync);

async Task<int> ServeAsync()
{
    // Settings are read at start. Watching appsettings.json for changes watches the working folder and everything below it.
    var builder = WebApplication.CreateBuilder(["--hostBuilder:reloadConfigOnChange=false", .. args]);
    WebApplication? app = null;
    builder.Logging.TellFailedStart(LogLevel.Information, () => app?.Lifetime.ApplicationStarted.IsCancellationRequested == true);
    builder.AddPublisher();
    builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology
        .Queue(SubmitOrder.Queue).Queue(CapturePayment.Queue).Event<OrderCreated>().Event<PaymentCaptured>());
    await using (app = builder.Build())
    {
        app.MapPublisher();
        await app.RunAsync();
    }

    return Environment.ExitCode;
}

async Task<int> MigrateAsync()
{
    // Of the engine only what a migration needs: there is no broker and no client, so nothing is checked for completeness.
    var builder = Host.CreateApplicationBuilder(args[1..]);
    builder.ConfigureContainer(new DefaultServiceProviderFactory(new ServiceProviderOptions()));
    builder.Services.AddTransactional(builder.Configuration);
    using var host = builder.Build();
    return await host.Services.GetRequiredService<Schema>().MigrateAndTellAsync();
}
