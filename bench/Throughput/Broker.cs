using Messaging.Transactional;
using RabbitMQ.Client;

namespace Messaging.Throughput;

/// <summary>Queues for a run, and publishing as fast as the client library can.</summary>
internal static class Broker
{
    public const string Quorum = "orders";
    public const string Classic = "orders-classic";

    private const int Window = 1_000;

    public static async Task DeclareAsync(Uri broker, string queue)
    {
        await using var connection = await ConnectAsync(broker);
        await using var channel = await connection.CreateChannelAsync();
        var arguments = queue == Quorum ? new Dictionary<string, object?>(Topology.QueueArguments) : new() { ["x-queue-type"] = "classic" };
        await channel.ExchangeDeclareAsync(queue, ExchangeType.Fanout, durable: true, autoDelete: false);
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments);
        await channel.QueueBindAsync(queue, queue, "");
    }

    public static Task<IConnection> ConnectAsync(Uri broker) => new ConnectionFactory { Uri = broker, AutomaticRecoveryEnabled = false }.CreateConnectionAsync();

    /// <summary>Publishes with confirms, at most a window of them outstanding; tells of each window that has been confirmed.</summary>
    public static async Task PublishAsync(Uri broker, string queue, IEnumerable<OutgoingMessage> messages, Action<int>? confirmed = null)
    {
        await using var connection = await ConnectAsync(broker);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false));
        var acknowledged = 0L;
        var published = 0L;
        using var room = new SemaphoreSlim(Window);
        channel.BasicAcksAsync += (_, ack) =>
        {
            var count = (int)(ack.Multiple ? (long)ack.DeliveryTag - acknowledged : 1);
            acknowledged += count;
            confirmed?.Invoke(count);
            room.Release(count);
            return Task.CompletedTask;
        };
        channel.BasicNacksAsync += (_, _) => throw new InvalidOperationException("The broker refused a message.");
        foreach (var message in messages)
        {
            await room.WaitAsync();
            published++;
            var properties = new BasicProperties
            {
                Persistent = true,
                ContentType = MassTransitEnvelope.ContentType,
                MessageId = message.Id.ToString(),
                Headers = MassTransitEnvelope.Identity(message).ToDictionary(h => h.Name, h => (object?)h.Value),
            };
            await channel.BasicPublishAsync(queue, "", mandatory: true, properties, MassTransitEnvelope.Write(message));
        }

        for (var i = 0; i < Window; i++)
        {
            await room.WaitAsync();
        }
    }
}
