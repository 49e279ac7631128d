using RabbitMQ.Client;

namespace Messaging.Services;

/// <summary>One test's own corner of a broker: its queues and exchanges go with it.</summary>
public sealed class VirtualHost : IAsyncDisposable
{
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

    public async ValueTask DisposeAsync()
    {
        // A test that killed the broker and left it dead has no virtual host to clean up.
        if (_server.IsRunning)
        {
            await _administration.DeleteVirtualHostAsync(Name);
        }
    }
}
