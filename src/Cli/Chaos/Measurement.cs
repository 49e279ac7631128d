namespace Messaging.Cli;

/// <summary>What the deployment takes when the clients go as fast as they are answered, before the first fault and after the last.</summary>
internal sealed class Measurement(ChaosSettings settings, AuditDatabase? database, LoadRun load, Probe probe, Course course, Interruption interruption)
{
    private const int MaxWindowsAfter = 3;

    /// <summary>
    /// A window in which the clients go as fast as they are answered. It begins with nothing on its way, or what had waited would be
    /// counted; the paced load goes on after it.
    /// </summary>
    public async Task<Phase> MeasureAsync(string name)
    {
        await course.DuringAsync("settle", SettleAsync);
        load.Go(Tempo.Unpaced);
        await course.DuringAsync("run-up", () => interruption.PauseAsync(settings.RunUp));
        var window = await course.DuringAsync(name, () => probe.MeasureAsync(() => interruption.PauseAsync(settings.Window)).WaitAsync(interruption.Quit));
        load.Go(Tempo.Paced);
        return window;
    }

    /// <summary>
    /// One window on a small machine may meet somebody else's work: where it is missed, more of them are measured, and the mean of all counts.
    /// </summary>
    /// <returns>Null when it was interrupted before there was something to compare.</returns>
    public async Task<Recovery?> CompareAsync(Phase before)
    {
        var measured = new List<Throughput>();
        var recovery = (Recovery?)null;
        while (measured.Count < MaxWindowsAfter && recovery is not { IsGood: true })
        {
            var after = await MeasureAsync("after");
            if (interruption.Stop.IsCancellationRequested || Throughput.Of(probe.Samples, before) is not { } first || Throughput.Of(probe.Samples, after) is not { } last)
            {
                return null;
            }

            measured.Add(last);
            recovery = new Recovery(first, Throughput.Mean(measured), settings.Recovered);
            course.Log.Tell(recovery.ToString());
        }

        return recovery;
    }

    private async Task SettleAsync()
    {
        load.Go(Tempo.Paused);
        if (database is null)
        {
            return;
        }

        try
        {
            if (!await Drain.WaitAsync(database, settings.BrokerQueues, settings.DrainLimit, interruption.Stop))
            {
                course.Log.Tell($"NOT settled within {Quantity.Text(settings.DrainLimit)}");
            }
        }
        catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
        {
            // The measuring is over; the end has its own drain.
        }
    }
}
