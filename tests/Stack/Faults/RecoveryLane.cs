using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A deployment with one consumer, which is given backlogs of one size over and over.</summary>
internal sealed class RecoveryLane(Deployment deployment) : IAsyncDisposable
{
    public const int Backlog = 8000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Journal _journal = new();
    private int _published;
    private long _publishedAtMs;

    /// <summary>What was published last, by an index: however much a lane has behind it, looking costs the same.</summary>
    private string OfBacklog => $"FROM inbox WHERE claimed_at_ms >= {_publishedAtMs}";

    public Deployment Deployment => deployment;

    public ServiceProcess Consumer => deployment.Consumers[0];

    /// <summary>The consumer takes nothing until <see cref="Go"/>, so that a whole backlog is in its queue before.</summary>
    public void Hold() => Consumer.Send(Signal.Stop);

    public void Go() => Consumer.Send(Signal.Continue);

    /// <summary>When the last commit was, in Unix milliseconds.</summary>
    public Task<long> EndAsync() => deployment.CountAsync($"SELECT max(completed_at_ms) {OfBacklog}");

    public Task<long> DoneAsync(long fromMs, long toMs) => deployment.CountAsync($"SELECT count(*) {OfBacklog} AND completed_at_ms BETWEEN {fromMs} AND {toMs}");

    public async Task PublishAsync()
    {
        _publishedAtMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var requests = Enumerable.Range(_published + 1, Backlog).Select(i => Request.Order($"k{i}", 1 + (i % 1000))).ToList();
        await deployment.PublishAsync("orders", requests.Select(r =>
            (Encoding.UTF8.GetBytes(r.Json), new Dictionary<string, object?> { ["Idempotency-Key"] = r.Key }, (string?)null)));
        requests.ForEach(r => _journal.Confirmed(r));
        _published += Backlog;
    }

    /// <summary>After a checkpoint a server writes whole pages for a while: left to themselves, two servers have theirs at different times.</summary>
    public Task CheckpointAsync() => deployment.ExecuteAsync("CHECKPOINT");

    /// <summary>So much of what was published last has taken effect: the moment for a fault.</summary>
    public Task UnderWayAsync(double part) => Eventually.True(async () => await CountAsync() >= part * Backlog, Limit, "the backlog to be under way");

    public Task DrainedAsync() => Eventually.Equal((long)Backlog, CountAsync, Limit);

    public async Task<IReadOnlyList<Violation>> JudgeAsync()
    {
        await deployment.DrainedAsync(Limit);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        return await deployment.JudgeAsync(_journal);
    }

    public ValueTask DisposeAsync() => deployment.DisposeAsync();

    private Task<long> CountAsync() => deployment.CountAsync($"SELECT count(*) {OfBacklog}");
}
