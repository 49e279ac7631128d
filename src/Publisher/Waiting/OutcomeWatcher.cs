using System.Collections.Concurrent;
using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// Looks for outcomes on behalf of everybody who waits: one query per interval, however many they are, and none while nobody
/// does. A waiter costs an entry and a task, no thread.
/// </summary>
internal sealed partial class OutcomeWatcher(
    Submissions submissions,
    IOptions<WaitingOptions> options,
    TimeProvider clock,
    FrontMetrics metrics,
    IHostApplicationLifetime lifetime,
    ILogger<OutcomeWatcher> logger) : BackgroundService
{
    private readonly ConcurrentDictionary<Waiter, bool> _waiters = [];
    private readonly SemaphoreSlim _somebody = new(0, 1);
    private int _waiting;

    /// <summary>One entry per caller who waits.</summary>
    private sealed class Waiter(Guid id, SubmissionState known)
    {
        public Guid Id => id;

        public SubmissionState Known => known;

        public TaskCompletionSource<SubmissionStatus?> Change { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>
    /// Waits until a submission is no longer in the state the caller knows. Null when the time is up, the service stops, or too
    /// many wait already.
    /// </summary>
    /// <param name="id">A submission that the caller has been found to own.</param>
    /// <param name="known">The state it was last seen in.</param>
    /// <param name="limit">How long.</param>
    /// <param name="cancellationToken">The caller is gone.</param>
    public async Task<SubmissionStatus?> WaitAsync(Guid id, SubmissionState known, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (!TryEnter())
        {
            return null;
        }

        var waiter = new Waiter(id, known);
        _waiters[waiter] = true;
        Wake();
        using var up = new CancellationTokenSource(limit, clock);

        // The server stops only when its requests are answered: those who wait are answered as soon as it is asked to.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(up.Token, lifetime.ApplicationStopping);
        await using var endOfTime = end.Token.Register(() => waiter.Change.TrySetResult(null));
        await using var callerGone = cancellationToken.Register(() => waiter.Change.TrySetCanceled(cancellationToken));
        try
        {
            return await waiter.Change.Task;
        }
        finally
        {
            _waiters.TryRemove(waiter, out _);
            Leave();
        }
    }

    /// <summary>Whether one more may wait.</summary>
    public bool HasRoom => Volatile.Read(ref _waiting) < options.Value.MaxWaiting;

    public override void Dispose()
    {
        _somebody.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var interval = TimeSpan.FromMilliseconds(options.Value.IntervalMilliseconds);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (_waiters.IsEmpty)
                {
                    await _somebody.WaitAsync(stoppingToken);
                }

                await Task.Delay(interval, clock, stoppingToken);
                await LookAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (DatabaseUnavailableException unavailable)
            {
                // Those who wait go on waiting; their time runs out if this lasts.
                LogUnavailable(unavailable);
            }
            catch (Exception failure)
            {
                // Waiting is a convenience: whatever fails here must not end the service that accepts.
                LogFailure(failure);
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var waiters = _waiters.Keys.ToLookup(waiter => waiter.Id);
        if (waiters.Count == 0)
        {
            return;
        }

        metrics.Looked();
        foreach (var status in await submissions.FindSettledAsync([.. waiters.Select(group => group.Key)], cancellationToken))
        {
            foreach (var waiter in waiters[status.Id].Where(waiter => waiter.Known != status.State))
            {
                waiter.Change.TrySetResult(status);
            }
        }
    }

    private bool TryEnter()
    {
        if (Interlocked.Increment(ref _waiting) <= options.Value.MaxWaiting)
        {
            metrics.Waiting(1);
            return true;
        }

        Interlocked.Decrement(ref _waiting);
        return false;
    }

    private void Leave()
    {
        Interlocked.Decrement(ref _waiting);
        metrics.Waiting(-1);
    }

    private void Wake()
    {
        if (_somebody.CurrentCount == 0)
        {
            try
            {
                _somebody.Release();
            }
            catch (SemaphoreFullException)
            {
                // Somebody else woke it between the look and the call.
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database is unavailable; callers who wait for an outcome go on waiting.")]
    private partial void LogUnavailable(Exception failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "Outcomes cannot be looked for; callers who wait for one go on waiting.")]
    private partial void LogFailure(Exception failure);
}
