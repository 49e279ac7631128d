using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Publishers and consumers whose clocks differ by two hours, each an hour off that of the database and the broker.</summary>
public sealed class ClockTests(SharedServers servers)
{
    private const int KeysPerPublisher = 60;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Row21_processes_whose_clocks_are_an_hour_off_either_way_take_every_key_for_what_it_is()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);
        await using var ahead = deployment.Start("Publisher", ShiftedClock.By(1));
        await using var behind = deployment.Start("Publisher", ShiftedClock.By(-1));
        await using var slow = deployment.Start("Consumer", ShiftedClock.By(-1));
        await using var fast = deployment.Start("Consumer", ShiftedClock.By(1));
        ServiceProcess[] publishers = [deployment.Publisher, ahead, behind], consumers = [slow, fast];
        await Task.WhenAll(publishers.Concat(consumers).Select(p => p.WaitUntilReadyAsync()));
        var journal = new Journal();

        // Held back until all are in the queue: the broker deals them out in turn, so that both consumers have messages of every age.
        Array.ForEach(consumers, c => c.Send(Signal.Stop));
        try
        {
            for (var i = 0; i < publishers.Length; i++)
            {
                await new Caller(publishers[i].Http, journal).SubmitAsync(Keys(i));
            }

            await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);
        }
        finally
        {
            Array.ForEach(consumers, c => c.Send(Signal.Continue));
        }

        await deployment.DrainedAsync(Limit);

        // Each key once more, at a publisher with another clock.
        for (var i = 0; i < publishers.Length; i++)
        {
            await new Caller(publishers[(i + 1) % publishers.Length].Http, journal).SubmitAsync(Keys(i));
        }

        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        Assert.Equal(KeysPerPublisher * publishers.Length, await deployment.CountAsync("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM ledger)"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));

        // The clocks were off.
        Assert.InRange(await deployment.CountAsync("SELECT max(accepted_at_ms) - min(accepted_at_ms) FROM submissions"), 7_000_000, 7_400_000);
        Assert.InRange(await deployment.CountAsync("SELECT max(claimed_at_ms) - min(claimed_at_ms) FROM inbox"), 7_000_000, 7_400_000);
    }

    private static IEnumerable<Request> Keys(int publisher) => BrokerFaultTests.Requests($"p{publisher}-", KeysPerPublisher);
}
