using System.Text;
using RabbitMQ.Client;

namespace Messaging.Throughput;

/// <summary>One channel of the client library, which itself waits for the confirm of each message.</summary>
internal sealed class ConfirmedPublisher(IConnection connection, IChannel channel, string exchange) : IAsyncDisposable
{
    public static async Task<ConfirmedPublisher> ConnectAsync(Assignment work)
    {
        var connection = await Broker.ConnectAsync(work.Broker);
        return new(connection, await connection.CreateChannelAsync(new CreateChannelOptions(true, true)), work.Queue);
    }

    public async Task PublishAsync(Guid id, string body, string key)
    {
        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = "application/json",
            MessageId = id.ToString(),
            Headers = new Dictionary<string, object?> { ["Idempotency-Key"] = key },
        };
        await channel.BasicPublishAsync(exchange, "", mandatory: true, properties, Encoding.UTF8.GetBytes(body));
    }

    public async ValueTask DisposeAsync()
    {
        await channel.DisposeAsync();
        await connection.DisposeAsync();
    }
}
