using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Messaging.Transactional;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Cli;

/// <summary>Reads what the queues hold: over AMQP what is ready; with the management plugin also what is in somebody's hands.</summary>
internal sealed class BrokerQueues(BrokerSettings settings)
{
    private const int NotFound = 404;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BusyAnswer = TimeSpan.FromMilliseconds(240);

    /// <exception cref="BrokerUnavailableException">The broker did not answer.</exception>
    public async Task<IReadOnlyList<QueueCount>> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return settings.Management is { } management ? await AskManagementAsync(management, cancellationToken) : await AskBrokerAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is BrokerUnreachableException or AlreadyClosedException or OperationInterruptedException or IOException or HttpRequestException or TimeoutException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new BrokerUnavailableException($"The broker at {settings.Address.Host}:{settings.Address.Port} did not say what its queues hold: {exception.Message}", exception);
        }
    }

    private async Task<IReadOnlyList<QueueCount>> AskBrokerAsync(CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = settings.Address, AutomaticRecoveryEnabled = false, SocketFactory = BrokerSocket.Create, RequestedConnectionTimeout = Limit, ContinuationTimeout = Limit };
        await using var connection = await factory.CreateConnectionAsync("messaging audit", cancellationToken);
        var counts = new List<QueueCount>();
        foreach (var queue in settings.Queues)
        {
            try
            {
                counts.Add(new QueueCount(queue, await CountAsync(connection, queue, cancellationToken), null));
            }
            catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
            {
                counts.Add(new QueueCount(queue, null, null));
            }
        }

        return counts;
    }

    /// <summary>The broker waits a quarter of a second for a quorum queue that is busy, and then says that it is empty.</summary>
    private static async Task<uint> CountAsync(IConnection connection, string queue, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            var asked = TimeProvider.System.GetTimestamp();
            var told = await channel.QueueDeclarePassiveAsync(queue, cancellationToken);
            if (told.MessageCount > 0 || told.ConsumerCount > 0 || TimeProvider.System.GetElapsedTime(asked) < BusyAnswer)
            {
                return told.MessageCount;
            }

            if (TimeProvider.System.GetElapsedTime(began) > Limit)
            {
                throw new TimeoutException($"The queue {queue} is too busy to say what it holds.");
            }
        }
    }

    private async Task<IReadOnlyList<QueueCount>> AskManagementAsync(Uri management, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = management, Timeout = Limit };
        var user = settings.Address.UserInfo.Length > 0 ? Uri.UnescapeDataString(settings.Address.UserInfo) : "guest:guest";
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user)));
        var host = settings.Address.AbsolutePath.Trim('/') is { Length: > 0 } name ? Uri.UnescapeDataString(name) : "/";
        var counts = new List<QueueCount>();
        foreach (var queue in settings.Queues)
        {
            using var answer = await http.GetAsync(new Uri($"api/queues/{Uri.EscapeDataString(host)}/{Uri.EscapeDataString(queue)}", UriKind.Relative), cancellationToken);
            var row = (int)answer.StatusCode == NotFound ? null : await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonNode>(cancellationToken);
            counts.Add(new QueueCount(queue, row?["messages_ready"]?.GetValue<long>(), row?["messages_unacknowledged"]?.GetValue<long>()));
        }

        return counts;
    }
}

internal sealed class BrokerUnavailableException(string message, Exception inner) : Exception(message, inner);
