namespace Messaging.Cli;

/// <summary>How fast the clients go on.</summary>
internal enum Tempo
{
    /// <summary>At the rate that was asked for, however long the answers take.</summary>
    Paced,

    /// <summary>Each client sends its next request when it has its answer: as fast as the deployment takes it.</summary>
    Unpaced,

    /// <summary>Nothing new begins.</summary>
    Paused,
}

/// <summary>Gives each request the moment at which it is due. What could not be sent for more than a second is dropped, not caught up on.</summary>
internal sealed class Pace(double perSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Tempo _tempo = perSecond > 0 ? Tempo.Paced : Tempo.Unpaced;
    private TimeSpan _next;

    /// <summary>Who waits for a moment of the old tempo is woken. Without a rate, paced is unpaced.</summary>
    public void Change(Tempo tempo)
    {
        lock (_gate)
        {
            _tempo = tempo == Tempo.Paced && perSecond <= 0 ? Tempo.Unpaced : tempo;
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Waits until the next request is due; its timestamp.</summary>
    public async ValueTask<long> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var (due, changed) = Take();
            if (due is { } moment && moment <= time.GetElapsedTime(_start))
            {
                return TimestampOf(moment);
            }

            var pause = due is { } later ? later - time.GetElapsedTime(_start) : Timeout.InfiniteTimeSpan;
            if (!await IsChangedWithinAsync(changed, pause, cancellationToken))
            {
                return TimestampOf(due!.Value);
            }
        }
    }

    /// <returns>When the next request is due, null while paused; and what ends when that no longer counts.</returns>
    private (TimeSpan? Due, Task Changed) Take()
    {
        lock (_gate)
        {
            var now = time.GetElapsedTime(_start);
            if (_tempo != Tempo.Paced)
            {
                return (_tempo == Tempo.Unpaced ? now : null, _changed.Task);
            }

            var earliest = now - TimeSpan.FromSeconds(1);
            var due = _next > earliest ? _next : earliest;
            _next = due + TimeSpan.FromSeconds(1 / perSecond);
            return (due, _changed.Task);
        }
    }

    private async Task<bool> IsChangedWithinAsync(Task changed, TimeSpan pause, CancellationToken cancellationToken)
    {
        if (pause <= TimeSpan.Zero && pause != Timeout.InfiniteTimeSpan)
        {
            return false;
        }

        try
        {
            await changed.WaitAsync(pause, time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private long TimestampOf(TimeSpan due) => _start + (long)(due.TotalSeconds * time.TimestampFrequency);
}
