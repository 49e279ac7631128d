using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// Two equal deployments, each on a database server of its own. One meets the faults; the other meets none, and is the measure of what the
/// first one did before: compared within the same seconds, the noise of the machine meets both.
/// </summary>
public sealed class RecoveryLanes : IAsyncDisposable
{
    internal PostgresServer Postgres { get; private set; } = null!;

    internal RecoveryLane Faulted { get; private set; } = null!;

    internal RecoveryLane Untouched { get; private set; } = null!;

    public async Task StartAsync(SharedServers servers)
    {
        if (Faulted is null)
        {
            var broker = await servers.RabbitMqAsync();
            Postgres ??= await SharedServers.OwnPostgresAsync();
            Untouched ??= new RecoveryLane(await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1));
            Faulted = new RecoveryLane(await Deployment.StartAsync(broker, Postgres, consumers: 1));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in (IAsyncDisposable?[])[Faulted, Untouched, Postgres])
        {
            if (owned is not null)
            {
                await owned.DisposeAsync();
            }
        }
    }
}
