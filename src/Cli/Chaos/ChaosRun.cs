using System.Data.Common;

namespace Messaging.Cli;

/// <summary>One storm from the first request to the verdict.</summary>
internal sealed class ChaosRun(ChaosSettings settings, ITarget target, AuditDatabase? database, Journal journal, Interruption interruption, IStormView view) : IDisposable
{
    private const int MaxWindowsAfter = 3;

    private long _start = TimeProvider.System.GetTimestamp();
    private DateTimeOffset _startedAt;
    private readonly List<Phase> _phases = [];
    private readonly List<string> _unhealed = [];
    private StormLog? _log;
    private Storm? _storm;
    private Probe? _probe;
    private StormPlan? _plan;
    private string _phase = "start";

    private StormLog Log => _log ??= new StormLog(Path.Combine(settings.Output, "chaos.log"), view, Clock);

    private BrokerQueues? Queues => settings.Broker is { } broker ? new BrokerQueues(broker) : null;

    /// <summary>The storm in order: start, measure, break, heal, catch up, measure again, drain, judge.</summary>
    /// <exception cref="FaultException">The target did not start: there was nothing to judge.</exception>
    public async Task<ChaosReport> RunAsync()
    {
        Log.Tell($"seed {settings.Load.Seed}; keys begin with {settings.Load.KeyPrefix}; {target.Description}");
        using var interrupted = interruption.Stop.Register(() => Log.Tell("interrupted: healing and draining first; once more to stop at once"));
        await target.StartAsync(interruption.Quit);
        (_start, _startedAt) = (TimeProvider.System.GetTimestamp(), TimeProvider.System.GetUtcNow());
        var effectsBefore = database is null ? 0 : await database.CountAsync("SELECT COUNT(*) FROM inbox", interruption.Quit);
        await using var load = new LoadRun(settings.Load with { Urls = target.Urls }, journal, TimeProvider.System);
        await using var probe = _probe = new Probe(load.Figures, journal, database, effectsBefore, settings.SampleInterval, () => target.LargestResidentBytes, Clock, Seen);
        var storm = _storm = new Storm(target, load, database, Clock, Log.Tell, interruption.Quit);
        _plan = StormPlan.Create(settings.Load.Seed, settings.StormLength, settings.Mix, settings.Every, settings.Calm);

        await DuringAsync("warm-up", () => Task.WhenAll(PauseAsync(settings.WarmUp), CatchUpAsync(keys: 0)));
        var before = settings.IsMeasuring ? await MeasureAsync(load, "before") : null;
        await DuringAsync("storm", () => storm.RunAsync(_plan, interruption.Stop));
        await DuringAsync("heal", () => HealAsync(target.HealAsync));
        _unhealed.AddRange(storm.Unhealed);
        var recovery = (Recovery?)null;
        if (_unhealed.Count == 0)
        {
            await DuringAsync("catch up", () => CatchUpAsync(settings.Keys));
            recovery = before is null ? null : await CompareAsync(load, before);
        }

        var (drained, stopped) = (false, false);
        await DuringAsync("drain", async () => drained = await DrainAsync(load));
        await HealAsync(async () => stopped = await target.StopAsync());
        var (audit, obstacle) = await AuditAsync(stopped);
        var end = new StormEnd(audit, obstacle, recovery, _unhealed, drained, interruption.Stop.IsCancellationRequested);
        return ReportAssembly.Assemble(settings, target, _startedAt, Clock(), load.Figures, journal, storm.Injected, _phases, _probe.Samples, end);
    }

    public void Dispose() => _log?.Dispose();

    private TimeSpan Clock() => TimeProvider.System.GetElapsedTime(_start);

    private async Task<Phase> DuringAsync(string name, Func<Task> work)
    {
        Log.Tell(_phase = name);
        var from = Clock().TotalSeconds;
        await work();
        var phase = new Phase(name, from, Clock().TotalSeconds);
        _phases.Add(phase);
        return phase;
    }

    /// <summary>A service that does not come back, or does not end, is what a storm is there to find: it is part of the verdict.</summary>
    private async Task HealAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (FaultException failure)
        {
            _unhealed.Add(failure.Message);
            Log.Tell($"NOT healed: {failure.Message}");
        }
    }

    /// <summary>Ends early when the user interrupts.</summary>
    private async Task PauseAsync(TimeSpan pause) =>
        await Task.Delay(pause, TimeProvider.System, interruption.Stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>
    /// Until the deployment keeps up with the load again (there is always something on its way; a second's worth of it is normal), and
    /// the promised keys are there. What does not keep up within the limit is measured as it is.
    /// </summary>
    private async Task CatchUpAsync(int keys)
    {
        var from = Clock();
        while (!interruption.Stop.IsCancellationRequested)
        {
            var steady = Steadiness.KeepsUp([.. _probe!.Samples.Where(s => s.At >= from.TotalSeconds)], settings.Load.RatePerSecond) || Clock() - from > settings.DrainLimit;
            var enough = journal.Accepted >= keys || Clock() - from > settings.Duration;
            if (steady && enough)
            {
                return;
            }

            await PauseAsync(TimeSpan.FromMilliseconds(500));
        }
    }

    /// <summary>
    /// A window in which the clients go as fast as they are answered. It begins with nothing on its way, or what had waited would be
    /// counted; the paced load goes on after it.
    /// </summary>
    private async Task<Phase> MeasureAsync(LoadRun load, string name)
    {
        await DuringAsync("settle", () => SettleAsync(load));
        load.Go(Tempo.Unpaced);
        await DuringAsync("run-up", () => PauseAsync(settings.RunUp));
        var window = await DuringAsync(name, () => _probe!.MeasureAsync(() => PauseAsync(settings.Window)).WaitAsync(interruption.Quit));
        load.Go(Tempo.Paced);
        return window;
    }

    private async Task SettleAsync(LoadRun load)
    {
        load.Go(Tempo.Paused);
        if (database is null)
        {
            return;
        }

        try
        {
            if (!await Drain.WaitAsync(database, Queues, settings.DrainLimit, interruption.Stop))
            {
                Log.Tell($"NOT settled within {Quantity.Text(settings.DrainLimit)}");
            }
        }
        catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
        {
            // The measuring is over; the end has its own drain.
        }
    }

    /// <summary>
    /// One window on a small machine may meet somebody else's work: where it is missed, more of them are measured, and the mean of all counts.
    /// </summary>
    /// <returns>Null when it was interrupted before there was something to compare.</returns>
    private async Task<Recovery?> CompareAsync(LoadRun load, Phase before)
    {
        var measured = new List<Throughput>();
        var recovery = (Recovery?)null;
        while (measured.Count < MaxWindowsAfter && recovery is not { IsGood: true })
        {
            var after = await MeasureAsync(load, "after");
            if (interruption.Stop.IsCancellationRequested || Throughput.Of(_probe!.Samples, before) is not { } first || Throughput.Of(_probe.Samples, after) is not { } last)
            {
                return null;
            }

            measured.Add(last);
            recovery = new Recovery(first, Throughput.Mean(measured), settings.Recovered);
            Log.Tell(recovery.ToString());
        }

        return recovery;
    }

    /// <returns>Whether nothing is on its way any more; without a database that is not known.</returns>
    private async Task<bool> DrainAsync(LoadRun load)
    {
        await load.StopAsync(settings.DrainLimit);
        var drained = database is not null && await Drain.WaitAsync(database, Queues, settings.DrainLimit, interruption.Quit);
        if (database is not null && !drained)
        {
            Log.Tell($"NOT drained within {Quantity.Text(settings.DrainLimit)}");
        }

        return drained;
    }

    /// <returns>Or why there is none: the storm has a report all the same.</returns>
    private async Task<(AuditReport? Audit, string? Obstacle)> AuditAsync(bool stopped)
    {
        if (database is null)
        {
            return (null, "no database was named");
        }

        try
        {
            return (await JudgeAsync(stopped), null);
        }
        catch (DbException exception)
        {
            return (null, $"the audit could not be made: {exception.Message}");
        }
    }

    /// <returns>Null when no broker was named, or it does not answer: then the audit says what it could not see.</returns>
    private async Task<IReadOnlyList<QueueCount>?> ReadQueuesAsync()
    {
        try
        {
            return Queues is { } queues ? await queues.ReadAsync(interruption.Quit) : null;
        }
        catch (BrokerUnavailableException exception)
        {
            Log.Tell($"The queues could not be read: {exception.Message}");
            return null;
        }
    }

    private async Task<AuditReport> JudgeAsync(bool stopped)
    {
        var queues = await ReadQueuesAsync();
        if (stopped)
        {
            // Nobody is there to hold a delivery: what was unacknowledged is ready again.
            queues = queues?.Select(q => q with { Unacknowledged = q.Unacknowledged ?? 0 }).ToList();
        }

        var auditing = new AuditSettings { Database = settings.Database!, Effects = settings.Effects, Broker = settings.Broker, AllowForgotten = settings.AllowForgotten };
        // Standalone has no broker outside its process; when that has ended, its messages are the outgoing rows.
        return await new Auditor(auditing, journal).RunAsync(database!, settings.Target == TargetKind.Standalone ? [] : queues, interruption.Quit);
    }

    private void Seen(Sample sample) => Log.Show(new StormStatus(
        _phase, Math.Min(1, Clock() / settings.Duration), Clock(), [.. _storm?.Current ?? []], _storm?.Injected.Count ?? 0, _plan?.Faults.Count ?? 0, [.. _probe?.Samples.TakeLast(61) ?? [], sample]));
}
