using MassTransit;
using Messaging.Services;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Unit;

public sealed class OwnServiceTests
{
    [Theory]
    [InlineData("handler", "")]
    [InlineData("engine", "        ")]
    [InlineData("endpoint", "        ")]
    [InlineData("consumer", "")]
    [InlineData("consumer endpoint", "        ")]
    public void The_sample_of_the_readme_is_the_one_that_compiles_here(string part, string indent)
    {
        const string Source = "tests/Unit/Documentation/OwnService.cs";
        var source = File.ReadAllText(Path.Combine(Repository.Root, Source)).ReplaceLineEndings("\n");
        var start = source.IndexOf($"// README: {part}\n", StringComparison.Ordinal) + $"// README: {part}\n".Length;
        var compiled = source[start..source.IndexOf($"\n{indent}// README: end", start, StringComparison.Ordinal)];

        var shown = Document.Readme.Sample($"{Source}: {part}");

        Assert.Equal(string.Join('\n', compiled.Split('\n').Select(line => line.StartsWith(indent, StringComparison.Ordinal) ? line[indent.Length..] : line)), shown);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_service_of_the_sample_can_be_built_and_its_endpoint_finds_its_inbox(bool withConsumer)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:Provider"] = "Sqlite",
            ["ConnectionStrings:Orders"] = "Data Source=never-opened.db",
            ["ConnectionStrings:RabbitMq"] = "amqp://guest:guest@localhost:1/",
        });
        OwnService.AddEngineTo(builder);
        Action<WebApplicationBuilder> addBus = withConsumer ? OwnService.AddConsumerTo : OwnService.AddEndpointTo;
        addBus(builder);

        await using var app = builder.Build();

        // Making the bus runs its configuration, that of the endpoint among it; nothing connects before it is started.
        Assert.NotNull(app.Services.GetRequiredService<IBusControl>());
    }
}
