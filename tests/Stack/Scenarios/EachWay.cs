using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A deployment for each way to receive, for a class of tests.</summary>
public sealed class EachWay : IAsyncDisposable
{
    private readonly Dictionary<ReceiveWay, Deployment> _deployments = [];

    /// <summary>Started when first asked for, and emptied for every test.</summary>
    internal async Task<Deployment> EmptyAsync(SharedServers servers, ReceiveWay way)
    {
        if (!_deployments.TryGetValue(way, out var deployment))
        {
            deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), way: way);
            return _deployments[way] = deployment;
        }

        await deployment.DrainedAsync(TimeSpan.FromMinutes(1));
        await deployment.EmptyAsync();
        return deployment;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var deployment in _deployments.Values)
        {
            await deployment.DisposeAsync();
        }
    }
}
