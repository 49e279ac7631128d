namespace Messaging.Services;

/// <summary>rabbitmqctl beside a broker of ours; the management API of one that was named to us.</summary>
internal interface IBrokerAdministration
{
    Task CreateVirtualHostAsync(string name);

    Task DeleteVirtualHostAsync(string name);

    Task<IReadOnlyList<QueueStatistics>> QueuesAsync(string virtualHost);

    Task<string> VersionAsync();
}
