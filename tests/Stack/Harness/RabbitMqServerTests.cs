using System.Text;
using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

public sealed class RabbitMqServerTests(SharedServers servers, OwnBroker own) : IClassFixture<OwnBroker>
{
    private static readonly Dictionary<string, object?> Quorum = new() { ["x-queue-type"] = "quorum" };

    [Fact]
    public async Task Two_virtual_hosts_do_not_see_each_others_queues()
    {
        var server = await servers.RabbitMqAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"{server.Origin}, RabbitMQ {await server.VersionAsync()}");
        await using var one = await server.CreateVirtualHostAsync();
        await using var other = await server.CreateVirtualHostAsync();

        await PublishAsync(one, "q", count: 1);

        Assert.NotNull(await one.QueueAsync("q"));
        Assert.Null(await other.QueueAsync("q"));
    }

    [Fact]
    public async Task Ready_and_unacknowledged_messages_are_counted()
    {
        var server = await servers.RabbitMqAsync();
        await using var host = await server.CreateVirtualHostAsync();
        await PublishAsync(host, "q", count: 3);
        await using var connection = await host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);

        await channel.BasicGetAsync("q", autoAck: false, TestContext.Current.CancellationToken);

        var queue = await Eventually.Satisfies(
            async () => (await host.QueueAsync("q"))!.Value, queue => queue is { Ready: 2, Unacknowledged: 1 });
        Assert.Equal("quorum", queue.Type);
        Assert.False(queue.IsDrained);
    }

    /// <summary>By hand: OutageTests and the storm do the same to a broker of their own.</summary>
    [Fact(Explicit = true)]
    public async Task Confirmed_messages_are_there_after_a_restart_and_after_a_kill()
    {
        var server = await own.TakeAsync();
        await using var host = await server.CreateVirtualHostAsync();

        await PublishAsync(host, "q", count: 2);
        await server.RestartAsync();
        await Eventually.Equal(2, async () => (await host.QueueAsync("q"))!.Value.Ready);
        await PublishAsync(host, "q", count: 3);
        await server.KillAsync();
        await Assert.ThrowsAnyAsync<Exception>(host.ConnectAsync);
        await server.StartAsync();

        await Eventually.Equal(5, async () => (await host.QueueAsync("q"))!.Value.Ready);
        own.GiveBack();
    }

    /// <summary>By hand: OutageTests and the storm do the same to a broker of their own.</summary>
    [Fact(Explicit = true)]
    public async Task A_paused_broker_confirms_nothing_until_it_is_resumed()
    {
        var server = await own.TakeAsync();
        await using var host = await server.CreateVirtualHostAsync();
        await PublishAsync(host, "q", count: 1);
        await using var connection = await host.ConnectAsync();
        await using var channel = await ConfirmingAsync(connection);

        await server.PauseAsync();
        var confirm = channel.BasicPublishAsync(string.Empty, "q", Encoding.UTF8.GetBytes("x"), TestContext.Current.CancellationToken).AsTask();
        var first = await Task.WhenAny(confirm, Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.NotSame(confirm, first);
        await server.ResumeAsync();

        await confirm;
        own.GiveBack();
    }

    private static async Task PublishAsync(VirtualHost host, string queue, int count)
    {
        await using var connection = await host.ConnectAsync();
        await using var channel = await ConfirmingAsync(connection);
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, Quorum);
        for (var i = 0; i < count; i++)
        {
            await channel.BasicPublishAsync(string.Empty, queue, Encoding.UTF8.GetBytes($"{i}"));
        }
    }

    private static Task<IChannel> ConfirmingAsync(IConnection connection)
        => connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
}
