using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>A broker may hand out again whatever it ever had, in any order. Here it hands out all of it, backwards.</summary>
public sealed class ReplayTests(SharedServers servers)
{
    private const int Backlog = 200;
    private const string Copies = "copies";
    private const string Subscriber = "accounting";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Row13_a_whole_backlog_replayed_in_reverse_beside_itself_and_once_more_has_no_new_effect()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);
        await KeepCopiesAsync(deployment);
        await deployment.SubscribeAsync(Subscriber);
        var journal = new Journal();
        await deployment.AddConsumerAsync();
        await deployment.AddConsumerAsync();

        // Held back until all are in the queues: the broker deals them out in turn, and two consumers meet each key twice, from both ends.
        List<BasicGetResult> copies;
        deployment.SendConsumers(Signal.Stop);
        try
        {
            await new Caller(deployment.Publisher.Http, journal).SubmitAsync(BrokerFaultTests.Requests("k", Backlog));
            copies = await TakeCopiesAsync(deployment);
            await PublishReversedAsync(deployment, copies);
        }
        finally
        {
            deployment.SendConsumers(Signal.Continue);
        }

        await deployment.DrainedAsync(Limit);
        // Else the two did not compete, and the race was none.
        Assert.All(await deployment.SettledAsync(), settled => Assert.InRange(settled, 1, (2 * Backlog) - 1));

        Assert.Empty(await deployment.JudgeAsync(journal));
        Assert.Equal(Backlog, (await deployment.DrainKeysAsync(Subscriber)).Count);

        await PublishReversedAsync(deployment, copies);
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        Assert.Equal(Backlog, await deployment.CountAsync("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM ledger)"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.DrainKeysAsync(Subscriber));
    }

    private static Task KeepCopiesAsync(Deployment deployment) => Amqp.WithChannelAsync(deployment.Host, async channel =>
    {
        await channel.QueueDeclareAsync(Copies, durable: true, exclusive: false, autoDelete: false, Amqp.Quorum, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var exchange in (string[])["orders", "payments"])
        {
            await channel.QueueBindAsync(Copies, exchange, "", cancellationToken: TestContext.Current.CancellationToken);
        }
    });

    private static async Task<List<BasicGetResult>> TakeCopiesAsync(Deployment deployment)
    {
        var copies = new List<BasicGetResult>(Backlog);
        await Amqp.WithChannelAsync(deployment.Host, channel => Eventually.True(
            async () =>
            {
                while (await channel.BasicGetAsync(Copies, autoAck: true, TestContext.Current.CancellationToken) is { } copy)
                {
                    copies.Add(copy);
                }

                return copies.Count == Backlog;
            },
            Limit));
        return copies;
    }

    /// <summary>To the queues themselves, so that no copies are made of the copies; with the message ids they had.</summary>
    private static Task PublishReversedAsync(Deployment deployment, List<BasicGetResult> copies) => Amqp.WithChannelAsync(deployment.Host, async channel =>
    {
        foreach (var copy in copies.AsEnumerable().Reverse())
        {
            await channel.BasicPublishAsync("", copy.Exchange, mandatory: true, new BasicProperties(copy.BasicProperties), copy.Body, TestContext.Current.CancellationToken);
        }
    });
}
