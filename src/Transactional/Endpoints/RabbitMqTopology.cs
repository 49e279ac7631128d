using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Transactional;

/// <summary>Declares the topology on RabbitMQ, and refuses one that is there already and can lose messages.</summary>
internal static class RabbitMqTopology
{
    private const ushort AccessRefused = 403, PreconditionFailed = 406;

    /// <exception cref="UnsafeSettingException">A queue of this name exists with other arguments.</exception>
    public static async Task DeclareAsync(IConnection connection, Topology topology, CancellationToken cancellationToken)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var exchange in topology.Exchanges)
        {
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, autoDelete: false, cancellationToken: cancellationToken);
        }

        foreach (var queue in topology.Queues)
        {
            try
            {
                await channel.ExchangeDeclareAsync(queue, ExchangeType.Fanout, durable: true, autoDelete: false, cancellationToken: cancellationToken);
                await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false,
                    new Dictionary<string, object?>(Topology.QueueArguments), cancellationToken: cancellationToken);
                await channel.QueueBindAsync(queue, queue, "", cancellationToken: cancellationToken);
            }
            catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == PreconditionFailed)
            {
                throw new UnsafeSettingException(
                    $"The queue or exchange '{queue}' exists with other properties than a durable quorum queue with x-delivery-limit {Topology.DeliveryLimit} "
                    + $"behind a durable fanout exchange, and could lose messages. Drain and delete it, then start again. RabbitMQ says: {exception.ShutdownReason.ReplyText}");
            }
        }
    }

    /// <summary>
    /// An exchange that the topology does not name: published to all the same, because a handler sends an event that nobody declared.
    /// </summary>
    public static async Task DeclareExchangeAsync(IConnection connection, string exchange, CancellationToken cancellationToken)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, autoDelete: false, cancellationToken: cancellationToken);
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode is PreconditionFailed or AccessRefused)
        {
            // It is there already, with properties of its own or in somebody else's care. Publishing to it is all that is wanted.
        }
    }
}
