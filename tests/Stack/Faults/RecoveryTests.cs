using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What a fault leaves behind once it is over: nothing, neither in the tables nor in the speed.</summary>
public sealed class RecoveryTests(SharedServers servers, RecoveryLanes lanes) : IClassFixture<RecoveryLanes>
{
    private const double Floor = 0.95;

    /// <summary>Deployments that differ by more before the fault were disturbed: they are equal.</summary>
    private const double MostUneven = 1.15;
    private const int WarmUpRaces = 3;
    private const int RacesBefore = 32;
    private const int MostBases = 3;
    private const int LeastRaces = 32;
    private const int MostRaces = 80;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private enum Fault
    {
        DatabaseRestart,
        BackendKills,
        PoolExhaustion,
        ConsumerCrash,
        RepeatedKills,
    }

    [Fact(Explicit = true)]
    public Task Row08_throughput_after_a_restart_of_the_database_is_what_it_was() => CompareAsync(Fault.DatabaseRestart);

    [Fact(Explicit = true)]
    public Task Row08_throughput_after_killed_backends_is_what_it_was() => CompareAsync(Fault.BackendKills);

    [Fact(Explicit = true)]
    public Task Row08_throughput_after_an_exhausted_pool_is_what_it_was() => CompareAsync(Fault.PoolExhaustion);

    [Fact(Explicit = true)]
    public Task Row08_throughput_after_a_crash_is_what_it_was() => CompareAsync(Fault.ConsumerCrash);

    [Fact(Explicit = true)]
    public Task Row08_throughput_after_repeated_kills_is_what_it_was() => CompareAsync(Fault.RepeatedKills);

    private async Task CompareAsync(Fault fault)
    {
        await lanes.StartAsync(servers);
        await RaceAsync(WarmUpRaces);
        var before = await EvenBaseAsync();

        await lanes.Untouched.PublishAsync();
        await lanes.Faulted.PublishAsync();
        await lanes.Faulted.UnderWayAsync(0.1);
        await StrikeAsync(fault);
        await lanes.Faulted.DrainedAsync();
        await lanes.Untouched.DrainedAsync();
        if (fault is Fault.ConsumerCrash or Fault.RepeatedKills)
        {
            // A new process is slower for a while whatever the old one died of: the measure is one as new, that was told to stop.
            Assert.Equal(0, await lanes.Untouched.Consumer.TerminateAsync());
            await lanes.Untouched.Consumer.StartAgainAsync();
            await lanes.Untouched.Consumer.WaitUntilReadyAsync();
        }

        await RaceAsync(WarmUpRaces);
        var after = new RaceSeries(await RaceAsync(LeastRaces));
        var recovery = new Recovery(before, after);
        while (!recovery.Decides(Floor) && after.Count < MostRaces)
        {
            after = after.With(await lanes.RaceAsync());
            recovery = new Recovery(before, after);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{fault}: {recovery}; beside a deployment without faults {before} before, {after} after");
        Assert.Empty(await lanes.Faulted.JudgeAsync());
        Assert.Empty(await lanes.Untouched.JudgeAsync());
        Assert.InRange(recovery.Ratio, Floor, double.MaxValue);
    }

    /// <summary>Measured again if the machine was disturbed: what comes after the fault would be compared with that.</summary>
    private async Task<RaceSeries> EvenBaseAsync()
    {
        for (var bases = 1; ; bases++)
        {
            var before = new RaceSeries(await RaceAsync(RacesBefore));
            if (Math.Abs(before.Mean) <= Math.Log(MostUneven))
            {
                return before;
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"disturbed before the fault: {before}");
            Assert.True(bases < MostBases, $"Two equal deployments differed by more than {MostUneven - 1:P0} in {MostBases} series: nothing can be compared on this machine now.");
        }
    }

    private async Task StrikeAsync(Fault fault)
    {
        var (lane, consumer) = (lanes.Faulted, lanes.Faulted.Consumer);
        switch (fault)
        {
            case Fault.DatabaseRestart:
                await lanes.Postgres.RestartAsync();
                break;
            case Fault.BackendKills:
                for (var kill = 1; kill <= 5; kill++)
                {
                    await lane.UnderWayAsync(0.15 * kill);
                    await lane.Deployment.CountAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
                }

                break;
            case Fault.PoolExhaustion:
                await using (await ConnectionHoard.TakeAsync(lane.Deployment.ConnectionString))
                {
                    await Eventually.Satisfies(() => ReadyAsync(consumer), ready => !ready, Limit, "the consumer to say that it has no database");
                }

                break;
            case Fault.ConsumerCrash:
                await CrashAsync(consumer);
                break;
            case Fault.RepeatedKills:
                for (var kill = 1; kill <= 5; kill++)
                {
                    await CrashAsync(consumer);
                    await lane.UnderWayAsync(0.15 * kill);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "No such fault.");
        }
    }

    private static async Task CrashAsync(ServiceProcess consumer)
    {
        await consumer.KillAsync();
        await consumer.StartAgainAsync();
        await consumer.WaitUntilReadyAsync();
    }

    private static async Task<bool> ReadyAsync(ServiceProcess service)
    {
        using var answer = await service.Http.GetAsync(new Uri("health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        return answer.IsSuccessStatusCode;
    }

    private async Task<List<double>> RaceAsync(int races)
    {
        var ratios = new List<double>(races);
        for (var race = 0; race < races; race++)
        {
            ratios.Add(await lanes.RaceAsync());
        }

        return ratios;
    }
}
