using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Throughput;

/// <summary>The deliveries of a run: orders as our publisher sends them, every fifth one a repetition of an earlier one of the same run.</summary>
internal static class Orders
{
    public const string Client = "bench";

    public static int UniqueOf(int deliveries) => deliveries - (deliveries / 5);

    public static IEnumerable<OutgoingMessage> Deliveries(int count, string queue, int first = 0)
    {
        var sent = new List<OutgoingMessage>(count);
        // The same sequence for every contender.
        var random = new Random(20);
        for (var i = 0; i < count; i++)
        {
            if (i % 5 == 4)
            {
                yield return sent[random.Next(Math.Max(0, sent.Count - 5_000), sent.Count)];
                continue;
            }

            sent.Add(Order(first + sent.Count, queue));
            yield return sent[^1];
        }
    }

    /// <summary>Of so many orders.</summary>
    public static string[] Keys(int orders, int first = 0) => [.. Enumerable.Range(first, orders).Select(KeyOf)];

    public static string KeyOf(int number) => $"order-{number:0000000000}-of-the-bench";

    /// <summary>Follows from the number, so that whoever verifies knows it; grows with it, as ids of version 7 grow with the time.</summary>
    public static Guid IdOf(int number) => new(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);

    public static OutgoingMessage Order(int number, string queue)
    {
        var now = TimeProvider.System.GetUtcNow();
        var key = KeyOf(number);
        var id = IdOf(number);
        var fingerprint = Fingerprint.Of(SubmitOrder.Operation, JsonSerializer.SerializeToUtf8Bytes(new { item = "book", quantity = 1 + (number % 1_000) }));
        return new OutgoingMessage
        {
            Id = id,
            Destination = Destination.Queue(queue),
            MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
            Body = JsonSerializer.SerializeToUtf8Bytes(new SubmitOrder(Client, key, id, fingerprint.Hex, now, "book", 1 + (number % 1_000)), JsonSerializerOptions.Web),
            Client = Client,
            IdempotencyKey = key,
            Fingerprint = fingerprint,
            AcceptedAtMs = now.ToUnixTimeMilliseconds(),
        };
    }
}
