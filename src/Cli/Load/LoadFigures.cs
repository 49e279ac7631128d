using System.Collections.Concurrent;
using HdrHistogram;

namespace Messaging.Cli;

/// <summary>What the clients counted; latencies in microseconds, from when a request was due, so that a stall shows in all that waited.</summary>
internal sealed class LoadFigures
{
    public const string CutOnPurpose = "cut on purpose";
    public const string ConnectionLost = "connection lost";
    public const string NoAnswer = "no answer in time";

    private const long HighestMicroseconds = 3_600_000_000;

    private readonly ConcurrentDictionary<string, long> _answers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly LongConcurrentHistogram _latencies = new(1, HighestMicroseconds, 3);
    private long _submitted;
    private long _accepted;
    private long _replayed;
    private long _retries;
    private volatile string? _lastLoss;

    /// <summary>Planned requests that were begun; a retry is not another one.</summary>
    public long Submitted => Volatile.Read(ref _submitted);

    /// <summary>Answered 2xx, replays included.</summary>
    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Of these, those the service knew already.</summary>
    public long Replayed => Volatile.Read(ref _replayed);

    /// <summary>Why the last request that was not answered was not; null when each was.</summary>
    public string? LastLoss => _lastLoss;

    public long Retries => Volatile.Read(ref _retries);

    /// <summary>How often each status came, or what came instead of one.</summary>
    public IReadOnlyDictionary<string, long> Answers => _answers;

    /// <summary>What stands in the way, where nothing was accepted and the answers tell; null where they do not.</summary>
    public string? Obstacle
    {
        get
        {
            var answers = _answers.Keys.Where(answer => answer != CutOnPurpose).Order(StringComparer.Ordinal).ToList();
            return answers.Count == 0 ? null
                : answers.All(answer => answer is "401" or "403") ? $"every answer was {string.Join(" or ", answers)}; --api-key must be one that the deployment takes"
                : answers.All(answer => answer is ConnectionLost or NoAnswer) ? $"there was no answer; {LastLoss}"
                : null;
        }
    }

    public void Begin() => Interlocked.Increment(ref _submitted);

    public void Answer(string what) => _answers.AddOrUpdate(what, 1, (_, count) => count + 1);

    /// <param name="what"><see cref="ConnectionLost"/> or <see cref="NoAnswer"/>.</param>
    /// <param name="cause">What the system says.</param>
    public void Lose(string what, string cause)
    {
        Answer(what);
        _lastLoss = cause;
    }

    public void Retry() => Interlocked.Increment(ref _retries);

    public void Accept(bool replayed, TimeSpan latency)
    {
        Interlocked.Increment(ref _accepted);
        if (replayed)
        {
            Interlocked.Increment(ref _replayed);
        }

        _latencies.RecordValue(Math.Clamp((long)latency.TotalMicroseconds, 1, HighestMicroseconds));
    }

    /// <summary>Null while nothing was accepted.</summary>
    public TimeSpan? Percentile(double percent)
    {
        lock (_gate)
        {
            return _latencies.TotalCount == 0 ? null : TimeSpan.FromMicroseconds(_latencies.GetValueAtPercentile(percent));
        }
    }

    public TimeSpan? Longest => Percentile(100);
}
