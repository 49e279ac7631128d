using MassTransit;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What MassTransit declares on its own when a message is sent to an address.</summary>
public sealed class AddressTests(SharedServers servers) : IAsyncLifetime
{
    private VirtualHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task A_queue_address_declares_a_classic_queue()
    {
        await using var bus = await Bus.StartAsync(_host);

        await bus.SendAsync("queue:q", new Greeting("hello"));

        Assert.Equal("classic", (await _host.QueueAsync("q"))?.Type);
    }

    [Fact]
    public async Task A_queue_address_fails_against_a_quorum_queue_of_that_name()
    {
        await Amqp.DeclareAsync(_host, "q", Amqp.Quorum);
        await using var bus = await Bus.StartAsync(_host);

        // MassTransit may go on trying for as long as it is let: the message must not arrive either way.
        var sending = bus.SendAsync("queue:q", new Greeting("hello"));
        var limit = Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
        var sent = await Task.WhenAny(sending, limit) == sending && sending.IsCompletedSuccessfully;

        Assert.False(sent);
        Assert.Equal(0, (await _host.QueueAsync("q"))!.Value.Ready);
        _ = sending.ContinueWith(task => task.Exception, TaskScheduler.Default);
    }

    [Fact]
    public async Task An_exchange_address_declares_no_queue_and_reaches_a_quorum_queue_bound_to_it()
    {
        await using var bus = await Bus.StartAsync(_host);

        await bus.SendAsync("exchange:q", new Greeting("to nobody"));
        Assert.Empty(await _host.QueuesAsync());

        await Amqp.WithChannelAsync(_host, async channel =>
        {
            await channel.QueueDeclareAsync("q", durable: true, exclusive: false, autoDelete: false, Amqp.Quorum);
            await channel.QueueBindAsync("q", "q", string.Empty, arguments: null);
        });
        await bus.SendAsync("exchange:q", new Greeting("to the queue"));

        await Eventually.Equal(1, async () => (await _host.QueueAsync("q"))!.Value.Ready);
    }
}
