using System.Text;
using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>RabbitMQ without MassTransit: what any other client sees.</summary>
internal static class Amqp
{
    public static readonly Dictionary<string, object?> Quorum = new() { ["x-queue-type"] = "quorum" };

    public static async Task WithChannelAsync(VirtualHost host, Func<IChannel, Task> work)
    {
        await using var connection = await host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
        await work(channel);
    }

    public static Task DeclareAsync(VirtualHost host, string queue, IDictionary<string, object?> arguments)
        => WithChannelAsync(host, channel => channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments));

    public static Task PublishAsync(VirtualHost host, string queue, BasicProperties properties, params string[] bodies)
        => WithChannelAsync(host, async channel =>
        {
            foreach (var body in bodies)
            {
                await channel.BasicPublishAsync(string.Empty, queue, mandatory: true, properties, Encoding.UTF8.GetBytes(body));
            }
        });

    public static BasicProperties Json(params (string Name, object? Value)[] headers) => new()
    {
        ContentType = "application/json",
        Persistent = true,
        Headers = headers.ToDictionary(header => header.Name, header => header.Value),
    };
}
