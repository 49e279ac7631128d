using System.Text;
using Messaging.Consumer;
using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>Plain AMQP, as a producer in any language sends it.</summary>
public sealed class ForeignProducerTests(SharedServers servers, EachWay deployments) : IClassFixture<EachWay>
{
    private static readonly byte[] Book = """{"item":"book","quantity":1}"""u8.ToArray();

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row11_a_key_published_1000_times_with_1000_message_ids_over_two_consumers_takes_effect_once(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);

        var before = await deployment.SettledAsync();

        // Held back until the broker has dealt them out to both.
        deployment.SendConsumers(Signal.Stop);
        try
        {
            await deployment.PublishAsync("orders", Enumerable.Range(0, 1000).Select(_ =>
                (Book, Headers("the-same"), (string?)Guid.CreateVersion7().ToString())));
        }
        finally
        {
            deployment.SendConsumers(Signal.Continue);
        }

        await deployment.DrainedAsync(Limit);

        var settled = (await deployment.SettledAsync()).Zip(before, (after, earlier) => after - earlier).ToList();
        Assert.Equal((2, 1000), (settled.Count, settled.Sum()));
        Assert.All(settled, count => Assert.InRange(count, 1, 999));
        Assert.Equal(1, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Equal(["external"], await deployment.TextsAsync("SELECT client FROM orders"));
        await deployment.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task The_same_key_with_another_quantity_is_parked_as_a_conflict_and_leaves_the_first_effect_alone(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);

        await deployment.PublishAsync("orders", [(Book, Headers("k", "shop"), "1")]);
        await deployment.DrainedAsync(Limit);
        var other = """{"item":"book","quantity":2}"""u8.ToArray();
        await deployment.PublishAsync("orders", [(other, Headers("k", "shop"), "2")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(1, await deployment.CountAsync("SELECT quantity FROM orders"));
        Assert.Equal(["conflict"], await deployment.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal([Encoding.UTF8.GetString(other)], await deployment.TextsAsync("SELECT convert_from(body, 'UTF8') FROM parked_messages"));
        Assert.Equal(["shop"], await deployment.TextsAsync("SELECT client FROM parked_messages"));
    }

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_what_cannot_be_processed_is_parked_with_its_reason_and_the_consumers_stay_healthy(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);

        await deployment.PublishAsync("orders",
        [
            ("""{"quantity":1}"""u8.ToArray(), Headers("no-item"), null),
            ("not json"u8.ToArray(), Headers("no-json"), null),
            (Book, [], null),
            (Book, Headers(new string('k', 300)), null),
        ]);
        await deployment.PublishAsync("orders", [(Book, Headers("text"), null)], "text/plain");
        await deployment.PublishAsync("orders", [(Book, Headers("fine"), null)], contentType: null);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(
            ["key-invalid", "key-missing", "malformed", "malformed", "unsupported-content-type"],
            await deployment.TextsAsync("SELECT reason FROM parked_messages ORDER BY reason"));
        Assert.Equal(["fine"], await deployment.TextsAsync("SELECT idempotency_key FROM orders"));
        foreach (var consumer in deployment.Consumers)
        {
            await consumer.WaitUntilReadyAsync();
        }
    }

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_messages_without_an_id_that_arrive_twice_are_parked_twice(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);

        await deployment.PublishAsync("payments", [("{}"u8.ToArray(), [], null), ("{}"u8.ToArray(), [], null)]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(2, await deployment.CountAsync("SELECT count(*) FROM parked_messages WHERE queue = 'payments'"));
    }

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_a_timestamp_in_milliseconds_and_a_made_up_delivery_count_stop_no_message(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);
        await using (var connection = await deployment.Host.ConnectAsync())
        {
            await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken);
            foreach (var (key, count) in ((string, object?)[])[("text", "abc"), ("double", 1e300), ("none", null)])
            {
                var headers = Headers(key);
                headers["x-delivery-count"] = count;
                var properties = new BasicProperties { ContentType = "application/json", Timestamp = new AmqpTimestamp(long.MaxValue / 2), Headers = headers };
                await channel.BasicPublishAsync("", "orders", mandatory: true, properties, Book, TestContext.Current.CancellationToken);
            }
        }

        await deployment.DrainedAsync(Limit);

        Assert.Equal(["double", "none", "text"], await deployment.TextsAsync("SELECT idempotency_key FROM orders ORDER BY 1"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    private static Dictionary<string, object?> Headers(string key, string? client = null)
    {
        var headers = new Dictionary<string, object?> { ["Idempotency-Key"] = key };
        if (client is not null)
        {
            headers["client-id"] = client;
        }

        return headers;
    }
}
