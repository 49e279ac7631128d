using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// A full queue, and consumers that die one after the other with hundreds of its orders in one transaction. The crash matrix has every point,
/// of batches of two or three; KillTests and the storm kill big ones, wherever they happen to be.
/// </summary>
public sealed class BatchKillTests(SharedServers servers)
{
    /// <summary>So many that the last of them to die still meets new ones, had those before it each committed three batches of the default size.</summary>
    private const int Orders = 5000;
    private const int ReusedKeys = 50;
    private const int Callers = 64;

    /// <summary>A batch dies with at least so many.</summary>
    private const int AtLeast = 200;

    private const int KilledBySignal = 128 + 9;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(ReceiveWay.Direct, true)]
    [InlineData(ReceiveWay.Direct, false)]
    [InlineData(ReceiveWay.ReceivePipe, true)]
    [InlineData(ReceiveWay.ConsumePipe, false)]
    public async Task Row01_a_full_queue_takes_effect_once_though_five_consumers_die_with_batches_of_two_hundred(ReceiveWay way, bool setBased)
    {
        var strikes = Strikes(setBased);
        var settings = new Dictionary<string, string?>
        {
            ["Orders__SetBased"] = $"{setBased}",
            // A death is one delivery more for all that the process had in its hands, and from the fifth on, by default, a message runs alone. The
            // five who die have their batches all the same, at four deliveries the last; but who comes after them would run two thousand orders one
            // by one. That is FatalMessageTests' subject: here what has died in a batch meets the inbox in a batch again.
            ["Inbox__SoloAfterDeliveries"] = $"{strikes.Length + 1}",
        };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings);
        var journal = await FillAsync(deployment);
        var (before, committed) = (0L, 0L);
        foreach (var strike in strikes)
        {
            await DieAsync(deployment, strike, way);
            (before, committed) = (committed, await deployment.CountAsync("SELECT count(*) FROM inbox"));
            var queued = await QueuedAsync(deployment, atLeast: Orders - committed);
            Tell($"{strike}: {committed} committed, {committed - before} of them by this one; {queued} in the queue, {queued + committed - Orders} in both");
            await deployment.AssertAtomicAsync();
        }

        // The last one had committed its batch and acknowledged none of it.
        Assert.InRange(committed, before + AtLeast, Orders);
        await QueuedAsync(deployment, atLeast: Orders - committed + AtLeast);

        await deployment.AddConsumerAsync(way);
        await Eventually.Equal((long)Orders, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Orders, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>
    /// Where the consumers die, one after the other. What is committed and not acknowledged is in the queue again, and a batch of it has nothing
    /// to lose. C2 finds none of it, and C3 counts what was claimed: the set at once, or one by one up to it. The others strike behind two batches
    /// with enough new orders: as two are under way at once, either each of the two is such a one, or one that was is committed.
    /// </summary>
    private static string[] Strikes(bool setBased)
    {
        var newOrders = setBased ? $"C3@{AtLeast}" : $"C3@={AtLeast}";
        return [$"C2@{AtLeast}", newOrders, .. ((string[])["C4", "C5", "C6"]).Select(point => $"{newOrders} {newOrders} {point}@{AtLeast}")];
    }

    /// <summary>Nobody receives yet. Two fifths of the orders are submitted twice, at about the same time, and some keys are used for another order.</summary>
    private static async Task<Journal> FillAsync(Deployment deployment)
    {
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = TestContext.Current.CancellationToken };
        var orders = Enumerable.Range(1, Orders).Select(i => Request.Order($"k{i}", i)).ToList();
        await Parallel.ForEachAsync(orders.SelectMany(order => Enumerable.Repeat(order, order.Number % 5 < 2 ? 2 : 1)), parallel, async (order, _) => await caller.SubmitAsync(order));
        await Parallel.ForEachAsync(orders.Take(ReusedKeys), parallel, async (order, _) => await caller.SubmitAsync(order with { Number = order.Number + 1 }));
        Assert.Equal(Orders + (Orders * 2 / 5), journal.Entries.Count(e => e.Answer == Journal.Answer.Accepted));
        Assert.Equal(ReusedKeys, journal.Entries.Count(e => e.Answer == Journal.Answer.Refused));

        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);
        await QueuedAsync(deployment, atLeast: Orders);
        return journal;
    }

    /// <summary>One life of a consumer, and until the server knows of its death: a COMMIT that it sent last may be read after it.</summary>
    private static async Task DieAsync(Deployment deployment, string strike, ReceiveWay way)
    {
        // It waits for a full batch, so that the size does not depend on how fast this machine receives. The events of what it commits are leased
        // to it: when it is dead another may send them after a second, not ten.
        await using var consumer = deployment.Start(
            "Consumer", ("MESSAGING_CRASH_POINT", strike), ("Inbox__Way", $"{way}"), ("Inbox__MaxBatchDelayMilliseconds", "1000"), ("Dispatch__LeaseMilliseconds", "1000"));
        Assert.Equal(KilledBySignal, await consumer.WaitForExitAsync(Limit));
        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"), Limit);
    }

    /// <summary>Without consumers: what is not committed has to be here again, and what is committed may be.</summary>
    private static Task<long> QueuedAsync(Deployment deployment, long atLeast) =>
        Eventually.Satisfies(async () => (long)(await deployment.Host.CountAsync("orders")).Messages, messages => messages >= atLeast, Limit, $"at least {atLeast} orders to be in the queue");

    private static void Tell(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
