using Messaging.Publisher;
using Messaging.Transactional;

switch (CommandLine.Read(args))
{
    case Command.Help:
        Console.WriteLine(CommandLine.Usage);
        return 0;
    case Command.Unknown:
        await Console.Error.WriteLineAsync($"Not understood: {string.Join(' ', args)}{Environment.NewLine}{Environment.NewLine}{CommandLine.Usage}");
        return 2;
}

var builder = WebApplication.CreateBuilder(args);
builder.AddPublisher();
await using var app = builder.Build();
app.MapPublisher();
await app.RunAsync();
return 0;
