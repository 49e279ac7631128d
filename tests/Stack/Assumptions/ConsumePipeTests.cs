using MassTransit;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Why the inbox does not sit in MassTransit's consume pipe.</summary>
public sealed class ConsumePipeTests(SharedServers servers) : IAsyncLifetime
{
    private VirtualHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task A_consume_filter_that_skips_next_sends_the_message_to_skipped()
    {
        await using var bus = await StartAsync(endpoint => endpoint.UseFilter(new SkippingFilter()), _ => Task.CompletedTask);

        await bus.SendAsync("exchange:q", new Greeting("hello"));

        await Eventually.Equal(1, async () => (await _host.QueueAsync("q_skipped"))?.Ready ?? 0);
    }

    [Fact]
    public async Task A_body_that_cannot_be_read_goes_to_error()
    {
        await using var bus = await StartAsync(_ => { }, _ => Task.CompletedTask);

        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "{ not JSON");

        await Eventually.Equal(1, async () => (await _host.QueueAsync("q_error"))?.Ready ?? 0);
    }

    [Fact]
    public async Task A_consumer_that_throws_sends_the_message_to_error_at_once()
    {
        await using var bus = await StartAsync(_ => { }, _ => throw new IOException("the database is away"));

        await bus.SendAsync("exchange:q", new Greeting("hello"));

        await Eventually.Equal(1, async () => (await _host.QueueAsync("q_error"))?.Ready ?? 0);
    }

    private Task<Bus> StartAsync(Action<IReceiveEndpointConfigurator> configure, MessageHandler<Greeting> handler)
        => Bus.StartAsync(_host, rabbit => rabbit.ReceiveEndpoint("q", endpoint =>
        {
            endpoint.ConfigureConsumeTopology = false;
            configure(endpoint);
            endpoint.Handler(handler);
        }));

    private sealed class SkippingFilter : IFilter<ConsumeContext>
    {
        public Task Send(ConsumeContext context, IPipe<ConsumeContext> next) => Task.CompletedTask;

        public void Probe(ProbeContext context) => context.CreateFilterScope("skipping");
    }
}
