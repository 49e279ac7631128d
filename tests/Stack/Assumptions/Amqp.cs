using System.Net.Http.Json;
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

    /// <summary>An exchange that nobody may publish to; who tries has his channel closed.</summary>
    public static async Task DeclareInternalAsync(RabbitMqServer broker, VirtualHost host, string exchange)
    {
        using var management = new HttpClient { BaseAddress = broker.ManagementAddress };
        management.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(host.Uri.UserInfo))));
        var address = new Uri($"api/exchanges/{Uri.EscapeDataString(host.Name)}/{Uri.EscapeDataString(exchange)}", UriKind.Relative);
        using var answer = await management.PutAsJsonAsync(address, new { type = "fanout", durable = true, @internal = true });
        answer.EnsureSuccessStatusCode();
    }

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
