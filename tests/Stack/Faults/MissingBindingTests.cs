using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>Somebody deletes the way to a queue, not the queue. The broker confirms what it then drops: only <c>mandatory</c> tells.</summary>
public sealed class MissingBindingTests(SharedServers servers)
{
    private const string OrderCreated = "Messaging.Contracts:OrderCreated";
    private const string Subscriber = "accounting";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Row03_a_command_whose_binding_or_exchange_is_gone_stays_pending_until_it_is_declared_again()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync());
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(Request.Order("before"));
        await deployment.DrainedAsync(Limit);
        foreach (var exchange in (bool[])[false, true])
        {
            await DeleteAsync(deployment, "orders", "orders", exchange);

            await caller.SubmitAsync(Enumerable.Range(1, 20).Select(i => Request.Order($"{exchange}-{i}", i)));

            // The publisher says so, and declares again what it needs.
            await deployment.Publisher.Output.WaitForLineAsync(exchange ? "no exchange 'orders'" : "to queue:orders stays pending: returned: 312", Limit);
            await Eventually.Equal(exchange ? 41L : 21L, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
            await deployment.DrainedAsync(Limit);
            Assert.Empty(await deployment.JudgeAsync(journal));
        }

        Assert.Contains("messaging_outgoing_unrouted", await MetricsAsync(deployment.Publisher), StringComparison.Ordinal);
    }

    /// <summary>An event's queue is its subscriber's; nobody here can bind it again, so the event waits.</summary>
    [Fact]
    public async Task Row03_an_event_whose_subscriber_lost_its_binding_or_exchange_stays_pending_until_it_is_bound_again()
    {
        var settings = new Dictionary<string, string?> { ["Dispatch__RequireSubscribers"] = "true" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, settings);
        await deployment.SubscribeAsync(Subscriber);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(Request.Order("before"));
        await deployment.DrainedAsync(Limit);
        Assert.Single(await deployment.DrainKeysAsync(Subscriber));
        foreach (var exchange in (bool[])[false, true])
        {
            await DeleteAsync(deployment, Subscriber, OrderCreated, exchange);

            await caller.SubmitAsync(Enumerable.Range(1, 5).Select(i => Request.Order($"{exchange}-{i}", i)));

            await deployment.Consumers[0].Output.WaitForLineAsync($"to exchange:{OrderCreated} stays pending: returned: 312", Limit);
            await Eventually.Equal(5L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages WHERE attempts > 0"), Limit);
            Assert.Equal(exchange ? 11 : 6, await deployment.CountAsync("SELECT count(*) FROM orders"));
            await deployment.SubscribeAsync(Subscriber);

            await deployment.DrainedAsync(Limit);
            Assert.Equal(5, (await deployment.DrainKeysAsync(Subscriber)).Count);
            Assert.Empty(await deployment.JudgeAsync(journal));
        }
    }

    private static Task DeleteAsync(Deployment deployment, string queue, string exchange, bool wholeExchange) => Amqp.WithChannelAsync(deployment.Host, channel => wholeExchange
        ? channel.ExchangeDeleteAsync(exchange, ifUnused: false, cancellationToken: TestContext.Current.CancellationToken)
        : channel.QueueUnbindAsync(queue, exchange, "", cancellationToken: TestContext.Current.CancellationToken));

    private static Task<string> MetricsAsync(ServiceProcess service) =>
        service.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
}
