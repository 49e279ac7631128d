using System.Diagnostics;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A broker of three nodes loses one at a time, always the one that leads the queue.</summary>
public sealed class ClusterTests(SharedServers servers)
{
    private const int Callers = 4;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    [Fact(Explicit = true)]
    public async Task Row07_a_leader_is_killed_moved_and_partitioned_and_nothing_is_lost_or_doubled()
    {
        await using var cluster = await RabbitMqCluster.StartAsync();
        Tell($"a cluster of {string.Join(", ", cluster.Nodes)}");
        await using var deployment = await StartAsync(cluster);
        var first = await cluster.WholeAsync(deployment.Host, "orders");
        await cluster.SettleAsync();
        Tell($"orders is {first}");

        var journal = new Journal();
        using var enough = new CancellationTokenSource();
        var submitting = SubmitUntilAsync(new Caller(deployment.Publisher.Http, journal), enough.Token);
        await GoesOnAsync(deployment, submitting);

        await cluster.KillAsync(first.Leader);
        var second = await LedByAnotherAsync(cluster, deployment, first.Leader);
        await GoesOnAsync(deployment, submitting);
        Tell($"{first.Leader} was killed: orders is {second}");

        await cluster.StartAsync(first.Leader);
        await cluster.WholeAsync(deployment.Host, "orders");
        await cluster.MoveLeaderAsync(deployment.Host, "orders", first.Leader);
        await Eventually.Satisfies(() => cluster.ReplicasAsync(deployment.Host, "orders"), replicas => replicas.Leader == first.Leader, Limit);
        Tell($"{first.Leader} was started, and leads again");

        await cluster.CutOffAsync(first.Leader);
        var third = await LedByAnotherAsync(cluster, deployment, first.Leader);
        await GoesOnAsync(deployment, submitting);
        Tell($"{first.Leader} was cut off from the others: orders is {third}");

        await cluster.RejoinAsync(first.Leader);
        Tell($"healed: orders is {await cluster.WholeAsync(deployment.Host, "orders")}");
        await GoesOnAsync(deployment, submitting);
        await enough.CancelAsync();
        var submitted = await submitting;

        await Eventually.Equal((long)submitted, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        var violations = await deployment.JudgeAsync(journal);
        Tell($"{submitted} keys, {await deployment.CountAsync("SELECT count(*) FROM orders")} orders and {await deployment.CountAsync("SELECT count(*) FROM ledger")} payments, {violations.Count} violations");
        Assert.Empty(violations);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    /// <summary>Services that know all three nodes, one consumer directly, one in MassTransit.</summary>
    private async Task<Deployment> StartAsync(RabbitMqCluster cluster) => await Deployment.StartAsync(
        cluster.Broker, await servers.PostgresAsync(), address: cluster.AddressOf);

    /// <summary>Every key twice, every fourth one a payment; returns the number of keys.</summary>
    private static async Task<int> SubmitUntilAsync(Caller caller, CancellationToken enough)
    {
        var last = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (!enough.IsCancellationRequested)
            {
                var number = Interlocked.Increment(ref last);
                var request = new Request(IsPayment: number % 4 == 0, $"key-{number}", number);
                await caller.SubmitAsync([request, request]);
            }
        }));
        return last;
    }

    /// <summary>The two that are left have noticed, and elected.</summary>
    private static Task<QueueReplicas> LedByAnotherAsync(RabbitMqCluster cluster, Deployment deployment, string lost) => Eventually.Satisfies(
        () => cluster.ReplicasAsync(deployment.Host, "orders"), replicas => replicas.Leader.Length > 0 && replicas.Leader != lost && !replicas.Online.Contains(lost), Limit);

    /// <summary>What is submitted from now on takes effect.</summary>
    private static async Task GoesOnAsync(Deployment deployment, Task submitting)
    {
        var submitted = await deployment.CountAsync("SELECT count(*) FROM submissions");
        await Eventually.True(
            async () => submitting.IsCompleted || await deployment.CountAsync("SELECT count(*) FROM inbox") > submitted + 50, Limit, "the consumers to go on");
    }

    private void Tell(string what) => TestContext.Current.TestOutputHelper?.WriteLine($"[{_watch.Elapsed.TotalSeconds,5:0.0} s] {what}");
}
