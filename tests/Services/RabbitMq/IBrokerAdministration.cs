namespace Messaging.Services;

/// <summary>The management API of a broker; of a cluster, whose nodes come and go, rabbitmqctl on one that is there.</summary>
internal interface IBrokerAdministration
{
    Task CreateVirtualHostAsync(string name);

    Task DeleteVirtualHostAsync(string name);

    Task<IReadOnlyList<QueueStatistics>> QueuesAsync(string virtualHost);

    Task<string> VersionAsync();
}
