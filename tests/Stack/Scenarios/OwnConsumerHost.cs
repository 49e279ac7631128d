using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Messaging.Stack;

/// <summary>Another team's service, with a consumer of its own in MassTransit's consume pipe.</summary>
internal static class OwnConsumerHost
{
    internal const int Fine = 20;

    internal static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static readonly byte[] Book = """{"item":"book","quantity":1}"""u8.ToArray();

    internal static async Task<Deployment> StartAsync(this SharedServers servers) =>
        await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);

    internal static async Task<IHost> ConsumeAsync(this Deployment deployment, Action<IRabbitMqReceiveEndpointConfigurator> configure, Action<IServiceCollection>? change = null, string queue = SubmitOrder.Queue, string operation = SubmitOrder.Operation)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:Provider"] = "PostgreSql",
            ["ConnectionStrings:Orders"] = deployment.ConnectionString,
            ["ConnectionStrings:RabbitMq"] = deployment.Host.Uri.ToString(),
            ["Inbox:MaxAttempts"] = "3",
            ["Inbox:RetryDelayMilliseconds"] = "50",
        });
        builder.Logging.ClearProviders();
        builder.AddConsumer();
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology.Event<OrderCreated>());
        builder.Services.Configure<MassTransitHostOptions>(o => o.WaitUntilStarted = true);
        builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(context.GetRequiredService<RabbitMqOptions>());
            bus.ReceiveEndpoint(queue, endpoint =>
            {
                endpoint.UseInboxInConsumer(context, operation);
                configure(endpoint);
            });
        }));
        change?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    internal static (byte[], Dictionary<string, object?>, string?) Message(string key) => (Book, new() { ["Idempotency-Key"] = key }, null);

    internal static Task<List<string>> EffectsAsync(this Deployment deployment) =>
        deployment.TextsAsync("SELECT idempotency_key FROM orders ORDER BY idempotency_key COLLATE \"C\"");

    internal static async Task AssertNoQueueOfMassTransitAsync(this Deployment deployment) =>
        Assert.Equal(["orders", "payments"], (await deployment.Host.QueuesAsync()).Select(q => q.Name).Order());
}
