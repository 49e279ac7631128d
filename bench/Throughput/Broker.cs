using Messaging.Transactional;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Throughput;

/// <summary>Queues for a run, publishing as fast as the client library can, and reading what is there afterwards.</summary>
internal static class Broker
{
    public const string Quorum = "orders";
    public const string Classic = "orders-classic";

    private const int Window = 1_000;
    private const ushort DrainPrefetch = 5_000;

    private static readonly TimeSpan DrainLimit = TimeSpan.FromMinutes(2);

    /// <summary>A quorum queue, but for the classic one.</summary>
    /// <param name="broker">Its address.</param>
    /// <param name="queue">Its name.</param>
    /// <param name="exchange">What it is bound to; left out, an exchange of its own name.</param>
    public static async Task DeclareAsync(Uri broker, string queue, string? exchange = null)
    {
        exchange ??= queue;
        await using var connection = await ConnectAsync(broker);
        await using var channel = await connection.CreateChannelAsync();
        var arguments = queue != Classic ? new Dictionary<string, object?>(Topology.QueueArguments) : new() { ["x-queue-type"] = "classic" };
        await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, autoDelete: false);
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments);
        await channel.QueueBindAsync(queue, exchange, "");
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

    /// <summary>Takes so many messages out of a queue.</summary>
    /// <returns>What tells each apart; empty where a message has nothing of the kind.</returns>
    public static async Task<List<string>> DrainAsync(Uri broker, string queue, int count, Func<BasicDeliverEventArgs, string?> identify)
    {
        var drained = new List<string>(count);
        if (count == 0)
        {
            return drained;
        }

        var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var connection = await ConnectAsync(broker);
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicQosAsync(0, DrainPrefetch, global: false);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            drained.Add(identify(delivery) ?? "");
            if (drained.Count % Window == 0 || drained.Count == count)
            {
                await channel.BasicAckAsync(delivery.DeliveryTag, multiple: true);
            }

            if (drained.Count == count)
            {
                finished.SetResult();
            }
        };
        await channel.BasicConsumeAsync(queue, autoAck: false, consumer);
        await finished.Task.WaitAsync(DrainLimit);
        return drained;
    }
}
