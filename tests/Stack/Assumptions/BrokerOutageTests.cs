using System.Collections.Concurrent;
using MassTransit;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>An endpoint outlives its broker. By hand, when MassTransit changes: with our inbox behind the endpoint OutageTests and the storm show the same.</summary>
public sealed class BrokerOutageTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact(Explicit = true)]
    public async Task A_delivery_that_was_in_the_filter_when_the_broker_went_comes_again_and_the_endpoint_goes_on()
    {
        var release = new TaskCompletionSource();
        var seen = new ConcurrentQueue<string>();
        await using var server = await SharedServers.OwnRabbitMqAsync();
        await using var host = await server.CreateVirtualHostAsync();
        await using var bus = await Bus.StartAsync(host, "q", async (context, _) =>
        {
            seen.Enqueue(context.Body.GetString());
            await release.Task;
        });
        await Amqp.PublishAsync(host, "q", Amqp.Json(), "held");
        await Eventually.Equal(1, () => Task.FromResult(seen.Count));

        await server.SettleAsync();

        await server.KillAsync();
        release.SetResult();
        await server.StartAsync();
        await Amqp.PublishAsync(host, "q", Amqp.Json(), "after");

        await Eventually.True(() => seen.Contains("after") && seen.Count(body => body == "held") == 2, Limit);
        await Eventually.True(async () => (await host.QueueAsync("q"))!.Value.IsDrained, Limit);
    }
}
