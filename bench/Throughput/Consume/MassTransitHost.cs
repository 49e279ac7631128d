using MassTransit;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Messaging.Throughput;

/// <summary>A bus with one endpoint on the queue of the run, as any service has it.</summary>
internal static class MassTransitHost
{
    public static async Task RunAsync(
        Assignment work, Task until, Action<IServiceCollection> services, Action<IRabbitMqReceiveEndpointConfigurator, IBusRegistrationContext> endpoint)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        services(builder.Services);
        builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(work.Broker);
            bus.ReceiveEndpoint(work.Queue, e =>
            {
                e.ConfigureConsumeTopology = false;
                Declare(e, work.Queue);
                endpoint(e, context);
            });
        }));
        using var host = builder.Build();
        await host.StartAsync();
        await until;
        await host.StopAsync();
    }

    /// <summary>The arguments the queue was made with; a null takes one away that somebody set before.</summary>
    public static void Declare(IRabbitMqReceiveEndpointConfigurator endpoint, string queue)
    {
        foreach (var (name, value) in Topology.QueueArguments)
        {
            endpoint.SetQueueArgument(name, queue == Broker.Quorum ? value! : null!);
        }

        if (queue != Broker.Quorum)
        {
            endpoint.SetQueueArgument("x-queue-type", "classic");
        }
    }
}
