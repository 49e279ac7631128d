using Messaging.Contracts;
using Messaging.Publisher;
using Messaging.Transactional;

var command = CommandLine.Read(args);
switch (command)
{
    case Command.Help:
        Console.WriteLine(CommandLine.Usage);
        return 0;
    case Command.Unknown:
        await Console.Error.WriteLineAsync($"Not understood: {string.Join(' ', args)}{Environment.NewLine}{Environment.NewLine}{CommandLine.Usage}");
        return 2;
}

try
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddPublisher();
    if (command == Command.Migrate)
    {
        await using var tool = builder.Build();
        return await tool.Services.GetRequiredService<Schema>().MigrateAndTellAsync();
    }

    builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology
        .Queue(SubmitOrder.Queue).Queue(CapturePayment.Queue).Event<OrderCreated>().Event<PaymentCaptured>());
    await using var app = builder.Build();
    app.MapPublisher();
    await app.RunAsync();
    return Environment.ExitCode;
}
catch (SettingException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 2;
}
