using RabbitMQ.Client;

namespace Messaging.Services;

/// <summary>One test's own corner of a broker: its queues and exchanges go with it.</summary>
public sealed class VirtualHost : IAsyncDisposable
{
    private const int MostQuestions = 40;

    private static readonly TimeSpan BusyAnswer = TimeSpan.FromMilliseconds(240);

    private readonly RabbitMqServer _server;
    private readonly IBrokerAdministration _administration;

    internal VirtualHost(RabbitMqServer server, IBrokerAdministration administration, string name)
    {
        _server = server;
        _administration = administration;
        Name = name;
    }

    public string Name { get; }

    /// <summary>What ConnectionStrings__RabbitMq takes.</summary>
    public Uri Uri => _server.UriOf(Name);

    public Task<IConnection> ConnectAsync() => new ConnectionFactory { Uri = Uri, AutomaticRecoveryEnabled = false }.CreateConnectionAsync();

    public Task<IReadOnlyList<QueueStatistics>> QueuesAsync() => _administration.QueuesAsync(Name);

    /// <summary>After the broker lost its data.</summary>
    public Task CreateAgainAsync() => _administration.CreateVirtualHostAsync(Name);

    /// <summary>Null when there is no such queue.</summary>
    public async Task<QueueStatistics?> QueueAsync(string name)
    {
        var queues = await QueuesAsync();
        return queues.Any(queue => queue.Name == name) ? queues.Single(queue => queue.Name == name) : null;
    }

    /// <summary>How many listen to a queue, from the queue itself.</summary>
    public async Task<uint> ConsumersAsync(string queue) => (await CountAsync(queue)).Consumers;

    /// <summary>
    /// Messages that are in nobody's hands, and consumers, from the queue itself. The broker waits a quarter of a second for a quorum queue
    /// that is busy, and then says that there are none: such an answer is asked for again.
    /// </summary>
    public async Task<(uint Messages, uint Consumers)> CountAsync(string queue)
    {
        await using var connection = await ConnectAsync();
        for (var question = 0; question < MostQuestions; question++)
        {
            await using var channel = await connection.CreateChannelAsync();
            var asked = TimeProvider.System.GetTimestamp();
            var told = await channel.QueueDeclarePassiveAsync(queue);
            if (told.MessageCount > 0 || told.ConsumerCount > 0 || TimeProvider.System.GetElapsedTime(asked) < BusyAnswer)
            {
                return (told.MessageCount, told.ConsumerCount);
            }
        }

        throw new TimeoutException($"The queue {queue} is too busy to say what it holds.");
    }

    public async ValueTask DisposeAsync()
    {
        // A test that killed the broker and left it dead has no virtual host to clean up.
        if (_server.IsRunning)
        {
            await _administration.DeleteVirtualHostAsync(Name);
        }
    }
}
