using System.Diagnostics;

namespace Messaging.Throughput;

/// <summary>
/// Counts what a contender has finished, and takes the time from the end of the warm-up (a fifth: connections are open and the hot
/// code is compiled) to the last one.
/// </summary>
internal sealed class Progress(int total)
{
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _warm = total / 5;
    private int _done;
    private int _doneAtStart;
    private long _startedAt;
    private long _endedAt;

    public Task Finished => _finished.Task;

    public double PerSecond => (total - _doneAtStart) / Stopwatch.GetElapsedTime(_startedAt, _endedAt).TotalSeconds;

    public void Add(int count)
    {
        var done = Interlocked.Add(ref _done, count);
        if (done >= _warm && done - count < _warm)
        {
            (_doneAtStart, _startedAt) = (done, Stopwatch.GetTimestamp());
        }

        if (done >= total && done - count < total)
        {
            _endedAt = Stopwatch.GetTimestamp();
            _finished.TrySetResult();
        }
    }
}
