namespace Messaging.Cli;

/// <summary>Gives each request the moment at which it is due. What could not be sent for more than a second is dropped, not caught up on.</summary>
internal sealed class Pace(double perSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _next;

    /// <summary>Waits until the next request is due; its timestamp.</summary>
    public async ValueTask<long> NextAsync(CancellationToken cancellationToken)
    {
        if (perSecond <= 0)
        {
            return time.GetTimestamp();
        }

        TimeSpan due;
        lock (_gate)
        {
            var earliest = time.GetElapsedTime(_start) - TimeSpan.FromSeconds(1);
            due = _next > earliest ? _next : earliest;
            _next = due + TimeSpan.FromSeconds(1 / perSecond);
        }

        var pause = due - time.GetElapsedTime(_start);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, cancellationToken);
        }

        return _start + (long)(due.TotalSeconds * time.TimestampFrequency);
    }
}
