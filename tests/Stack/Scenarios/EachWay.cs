using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Two deployments for a class of tests: one whose consumers receive directly, one through MassTransit's endpoint.</summary>
public sealed class EachWay : IAsyncDisposable
{
    private readonly Dictionary<bool, Deployment> _deployments = [];

    /// <summary>Started when first asked for, and emptied for every test.</summary>
    internal async Task<Deployment> EmptyAsync(SharedServers servers, bool direct)
    {
        if (!_deployments.TryGetValue(direct, out var deployment))
        {
            deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), direct: direct);
            return _deployments[direct] = deployment;
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
