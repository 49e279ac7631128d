namespace Messaging.Cli;

/// <summary>One storm from the first request to the verdict.</summary>
internal sealed class ChaosRun(ChaosSettings settings, ITarget target, AuditDatabase? database, Journal journal, Interruption interruption, IStormView view) : IDisposable
{
    private readonly Course _course = new(settings.Output, view);
    private readonly List<string> _unhealed = [];
    private Storm? _storm;
    private Probe? _probe;
    private StormPlan? _plan;

    private StormLog Log => _course.Log;

    /// <summary>The storm in order: start, measure, break, heal, catch up, measure again, drain, judge.</summary>
    /// <exception cref="FaultException">The target did not start: there was nothing to judge.</exception>
    public async Task<ChaosReport> RunAsync()
    {
        Log.Tell($"seed {settings.Load.Seed}; keys begin with {settings.Load.KeyPrefix}; {target.Description}");
        using var interrupted = interruption.Stop.Register(() => Log.Tell("interrupted: healing and draining first; once more to stop at once"));
        await target.StartAsync(interruption.Quit);
        _course.Begin();
        var effectsBefore = database is null ? 0 : await database.CountAsync("SELECT COUNT(*) FROM inbox", interruption.Quit);
        await using var load = new LoadRun(settings.Load with { Urls = target.Urls }, journal, TimeProvider.System);
        await using var probe = _probe = new Probe(load.Figures, journal, database, effectsBefore, settings.SampleInterval, () => target.LargestResidentBytes, () => _course.Elapsed, Seen);
        var storm = _storm = new Storm(target, load, database, () => _course.Elapsed, Log.Tell, interruption.Quit);
        var measurement = new Measurement(settings, database, load, probe, _course, interruption);
        _plan = StormPlan.Create(settings.Load.Seed, settings.StormLength, settings.Mix, settings.Every, settings.Calm);

        await _course.DuringAsync("warm-up", () => Task.WhenAll(interruption.PauseAsync(settings.WarmUp), CatchUpAsync(keys: 0)));
        var before = settings.IsMeasuring ? await measurement.MeasureAsync("before") : null;
        await _course.DuringAsync("storm", () => storm.RunAsync(_plan, interruption.Stop));
        await _course.DuringAsync("heal", () => HealAsync(target.HealAsync));
        _unhealed.AddRange(storm.Unhealed);
        var recovery = (Recovery?)null;
        if (_unhealed.Count == 0)
        {
            await _course.DuringAsync("catch up", () => CatchUpAsync(settings.Keys));
            recovery = before is null ? null : await measurement.CompareAsync(before);
        }

        var (drained, stopped) = (false, false);
        await _course.DuringAsync("drain", async () => drained = await DrainAsync(load));
        await HealAsync(async () => stopped = await target.StopAsync());
        var (audit, obstacle) = await new StormAudit(settings, database, journal, Log, interruption).RunAsync(stopped);
        var end = new StormEnd(audit, obstacle, recovery, _unhealed, drained, interruption.Stop.IsCancellationRequested);
        return ReportAssembly.Assemble(settings, target, _course, load.Figures, journal, storm.Injected, probe.Samples, end);
    }

    public void Dispose() => _course.Dispose();

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

    /// <summary>
    /// Until the deployment keeps up with the load again (there is always something on its way; a second's worth of it is normal), and
    /// the promised keys are there. What does not keep up within the limit is measured as it is.
    /// </summary>
    private async Task CatchUpAsync(int keys)
    {
        var from = _course.Elapsed;
        while (!interruption.Stop.IsCancellationRequested)
        {
            var steady = Steadiness.KeepsUp([.. _probe!.Samples.Where(s => s.At >= from.TotalSeconds)], settings.Load.RatePerSecond) || _course.Elapsed - from > settings.DrainLimit;
            var enough = journal.Accepted >= keys || _course.Elapsed - from > settings.Duration;
            if (steady && enough)
            {
                return;
            }

            await interruption.PauseAsync(TimeSpan.FromMilliseconds(500));
        }
    }

    /// <returns>Whether nothing is on its way any more; without a database that is not known.</returns>
    private async Task<bool> DrainAsync(LoadRun load)
    {
        await load.StopAsync(settings.DrainLimit);
        var drained = database is not null && await Drain.WaitAsync(database, settings.BrokerQueues, settings.DrainLimit, interruption.Quit);
        if (database is not null && !drained)
        {
            Log.Tell($"NOT drained within {Quantity.Text(settings.DrainLimit)}");
        }

        return drained;
    }

    private void Seen(Sample sample, double? countedAt) => Log.Show(new StormStatus(
        _course.Current, Math.Min(1, _course.Elapsed / settings.Duration), _course.Elapsed, [.. _storm?.Current ?? []], _storm?.Injected.Count ?? 0, _plan?.Faults.Count ?? 0,
        [.. _probe?.Samples.TakeLast(61) ?? [], sample]) { CountedAt = countedAt });
}
