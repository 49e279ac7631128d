using MassTransit;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A MassTransit bus on a virtual host, as small as it can be.</summary>
internal sealed class Bus : IAsyncDisposable
{
    private readonly IBusControl _bus;

    private Bus(IBusControl bus) => _bus = bus;

    public static async Task<Bus> StartAsync(VirtualHost host, Action<IRabbitMqBusFactoryConfigurator>? configure = null)
    {
        var bus = MassTransit.Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(host.Uri);
            configure?.Invoke(rabbit);
        });
        await bus.StartAsync(TestContext.Current.CancellationToken);
        return new Bus(bus);
    }

    /// <summary>A bus with one quorum queue whose receive pipe is the given filter and nothing else.</summary>
    public static Task<Bus> StartAsync(
        VirtualHost host, string queue, Func<ReceiveContext, IPipe<ReceiveContext>, Task> filter, ushort prefetch = 16)
        => StartAsync(host, rabbit => rabbit.ReceiveEndpoint(queue, endpoint =>
        {
            endpoint.ConfigureConsumeTopology = false;
            endpoint.SetQuorumQueue();
            endpoint.PrefetchCount = prefetch;
            endpoint.ConcurrentMessageLimit = prefetch;
            endpoint.ConfigureReceive(pipe => pipe.UseFilter(new ReceiveFilter(filter)));
        }));

    public Task StopAsync() => _bus.StopAsync(TestContext.Current.CancellationToken);

    /// <param name="address">As MassTransit writes it.</param>
    /// <param name="message">Sent in MassTransit's envelope.</param>
    /// <param name="key">Its idempotency key; null for none.</param>
    public async Task SendAsync<T>(string address, T message, string? key = null)
        where T : class
    {
        var endpoint = await _bus.GetSendEndpoint(new Uri(address));
        await endpoint.Send(message, context => context.Headers.Set("Idempotency-Key", key), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync() => await _bus.StopAsync(CancellationToken.None);

    private sealed class ReceiveFilter(Func<ReceiveContext, IPipe<ReceiveContext>, Task> filter) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => filter(context, next);

        public void Probe(ProbeContext context) => context.CreateFilterScope("test");
    }
}

public sealed record Greeting(string Text);
