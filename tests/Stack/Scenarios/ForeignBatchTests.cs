using System.Text;
using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What is wrong with some of the messages that share a transaction costs the others nothing, and none of them a transaction of its own.</summary>
public sealed class ForeignBatchTests(SharedServers servers)
{
    private const int BatchSize = 200;

    /// <summary>A consumer has two transactions under way: each has about its share.</summary>
    private const int Messages = 2 * BatchSize;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>The last is another payload under the key of the first order; one of the two takes effect. Of the others, none can be processed.</summary>
    private static readonly (byte[] Body, Dictionary<string, object?> Headers, string? MessageId)[] Wrong =
    [
        ("""{"quantity":1}"""u8.ToArray(), Headers("no-item"), null),
        ("not json"u8.ToArray(), Headers("no-json"), null),
        (Order(3), [], null),
        (Order(4), Headers(new string('k', 300)), null),
        (Order(2), Headers("k1"), null),
    ];

    [Theory]
    [InlineData(ReceiveWay.Direct, true)]
    [InlineData(ReceiveWay.Direct, false)]
    [InlineData(ReceiveWay.ReceivePipe, true)]
    [InlineData(ReceiveWay.ConsumePipe, false)]
    public async Task Row20_a_conflict_and_four_that_cannot_be_processed_are_parked_in_batches_of_two_hundred_whose_others_take_effect_once(ReceiveWay way, bool setBased)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Orders__SetBased"] = $"{setBased}",
            ["Inbox__MaxBatchSize"] = $"{BatchSize}",
            // A batch is full long before.
            ["Inbox__MaxBatchDelayMilliseconds"] = "1000",
        };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings);
        var fine = Enumerable.Range(1, Messages - Wrong.Length).Select(i => (Order(1), Headers($"k{i}"), (string?)null)).ToList();
        await deployment.PublishAsync("orders", [.. fine.Take(BatchSize / 2), .. Wrong, .. fine.Skip(BatchSize / 2)]);

        await deployment.AddConsumerAsync(way);
        await deployment.DrainedAsync(Limit);

        var parked = (await deployment.TextsAsync("SELECT reason || ' ' || convert_from(body, 'UTF8') FROM parked_messages")).Order(StringComparer.Ordinal);
        var loser = await deployment.CountAsync("SELECT 3 - quantity FROM orders WHERE idempotency_key = 'k1'");
        Assert.Equal(
            [$"conflict {Text(Order((int)loser))}", $"key-invalid {Text(Order(4))}", $"key-missing {Text(Order(3))}", "malformed not json", """malformed {"quantity":1}"""], parked);
        Assert.Equal(fine.Count, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(fine.Count - 1, await deployment.CountAsync("SELECT count(*) FROM orders WHERE quantity = 1 AND idempotency_key <> 'k1'"));
        await deployment.AssertAtomicAsync();
        // Each batch of its full size, or, where the two met on the one key, a half.
        Assert.InRange(await deployment.CountAsync(FewestBesideParked), BatchSize / 4, BatchSize);
    }

    /// <summary>Effects in the smallest of the transactions that parked something.</summary>
    private const string FewestBesideParked = """
        SELECT min((SELECT count(*) FROM orders AS o WHERE o.xmin::text = p.xmin::text)) FROM parked_messages AS p
        """;

    private static byte[] Order(int quantity) => Encoding.UTF8.GetBytes($$"""{"item":"book","quantity":{{quantity}}}""");

    private static string Text(byte[] body) => Encoding.UTF8.GetString(body);

    private static Dictionary<string, object?> Headers(string key) => new() { ["Idempotency-Key"] = key };
}
