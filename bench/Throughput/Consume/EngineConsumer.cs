using System.Diagnostics.Metrics;
using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>Ours: the handlers of our own consumer on its engine. The name tells how: <c>direct</c>, <c>pipe</c> or <c>consumer</c>, <c>ef</c> or <c>set</c>, with or without <c>events</c>, <c>forgetting</c> old keys meanwhile or not.</summary>
internal static class EngineConsumer
{
    private const string Settled = "messaging.inbox.deliveries";

    public static async Task<double> RunAsync(string name, Assignment work)
    {
        var parts = name.Split('-');
        var direct = parts.Contains("direct");
        var progress = new Progress(work.Total);
        using var listener = Listen(progress);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Configuration.AddInMemoryCollection(work.ToSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Orders:SetBased"] = parts.Contains("set").ToString(),
            // The other contenders send none; "events" shows what ours cost.
            ["Orders:PublishEvents"] = parts.Contains("events").ToString(),
            ["Retention:IntervalSeconds"] = parts.Contains("forgetting") ? "1" : "0",
        });
        builder.AddConsumer();
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology.Event<OrderCreated>());
        builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(work.Broker);
            if (!direct)
            {
                bus.ReceiveEndpoint(work.Queue, e =>
                {
                    if (parts.Contains("consumer"))
                    {
                        e.UseInboxInConsumer(context, SubmitOrder.Operation);
                        e.Consumer<OrderConsumer>();
                    }
                    else
                    {
                        e.UseInbox(context, SubmitOrder.Operation);
                    }

                    MassTransitHost.Declare((IRabbitMqReceiveEndpointConfigurator)e, work.Queue);
                });
            }
        }));
        if (direct)
        {
            // Declared by the run; the engine itself declares quorum queues only.
            builder.Services.ReceiveDirectly(work.Queue, SubmitOrder.Operation, new Topology());
        }

        using var host = builder.Build();
        await host.StartAsync();
        await progress.Finished;
        await UntilSentAsync(work);
        await host.StopAsync();
        return progress.PerSecond;
    }

    /// <summary>Events that are still on their way when the last delivery has been settled; the figure does not count this.</summary>
    private static async Task UntilSentAsync(Assignment work)
    {
        await using var database = NpgsqlDataSource.Create(work.Database);
        await using var waiting = database.CreateCommand("SELECT count(*) FROM outgoing_messages");
        await Eventually.Equal(0L, async () => (long)(await waiting.ExecuteScalarAsync())!, TimeSpan.FromMinutes(1), "the events to be sent");
    }

    private static MeterListener Listen(Progress progress)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == Settled)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => progress.Add((int)count));
        listener.Start();
        return listener;
    }

    private sealed class OrderConsumer : IConsumer<SubmitOrder>
    {
        public Task Consume(ConsumeContext<SubmitOrder> context) => context.ProcessOnceAsync();
    }
}
