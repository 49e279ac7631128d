using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// Two equal deployments, each on a database server of its own. One meets the faults; the other meets none, and is the measure of what the
/// first one did before: both run at the same time, so that the noise of the machine meets both.
/// </summary>
public sealed class RecoveryLanes : IAsyncDisposable
{
    /// <summary>Small batches: what is done at an instant is known to a few of them.</summary>
    private static readonly Dictionary<string, string?> Settings = new() { ["Inbox__MaxBatchSize"] = "50" };

    internal PostgresServer Postgres { get; private set; } = null!;

    internal RecoveryLane Faulted { get; private set; } = null!;

    internal RecoveryLane Untouched { get; private set; } = null!;

    public async Task StartAsync(SharedServers servers)
    {
        if (Faulted is null)
        {
            var broker = await servers.RabbitMqAsync();
            Postgres ??= await SharedServers.OwnPostgresAsync();
            Untouched ??= new RecoveryLane(await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1, Settings));
            Faulted = new RecoveryLane(await Deployment.StartAsync(broker, Postgres, consumers: 1, Settings));
        }
    }

    /// <summary>Both take an equal backlog at the same time. How much the one had done for each message of the other, when the first of them was through.</summary>
    internal async Task<double> RaceAsync()
    {
        long begin;
        Faulted.Hold();
        Untouched.Hold();
        try
        {
            await Task.WhenAll(Faulted.PublishAsync(), Untouched.PublishAsync());
            await Task.WhenAll(Faulted.CheckpointAsync(), Untouched.CheckpointAsync());
        }
        finally
        {
            begin = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
            Faulted.Go();
            Untouched.Go();
        }

        await Task.WhenAll(Faulted.DrainedAsync(), Untouched.DrainedAsync());
        var end = Math.Min(await Faulted.EndAsync(), await Untouched.EndAsync());
        return (double)await Faulted.DoneAsync(begin, end) / await Untouched.DoneAsync(begin, end);
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
