using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Processes the deliveries of one operation, each key exactly once. It owns every retry of the consuming side: deliveries that wait
/// together share a transaction; a batch that fails is halved until the guilty message stands alone; that one is tried again later
/// and at last parked; an outage of the database is waited for and is nobody's fault.
/// </summary>
internal sealed partial class Inbox<TContext> : IInbox
    where TContext : DbContext
{
    private const int MaxCollisions = 50;

    private static readonly TimeSpan LockRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OutageRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(3);

    private readonly Operation _operation;
    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly InboxOptions _options;
    private readonly InboxTransaction<TContext> _transaction;
    private readonly EngineMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly Batcher<Pending> _batches;

    public Inbox(Operation operation, IServiceProvider services)
    {
        _operation = operation;
        _database = services.GetRequiredService<Database>();
        _gate = services.GetRequiredService<DatabaseGate>();
        _options = services.GetRequiredService<IOptions<InboxOptions>>().Value;
        _metrics = services.GetRequiredService<EngineMetrics>();
        _time = services.GetRequiredService<TimeProvider>();
        _log = services.GetRequiredService<ILoggerFactory>().CreateLogger($"Messaging.Transactional.Inbox.{operation.Name}");
        _stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        _transaction = new InboxTransaction<TContext>(
            _database, services.GetRequiredService<IServiceScopeFactory>(), services.GetRequiredService<Dispatcher>(),
            services.GetRequiredService<IOptions<RetentionOptions>>().Value,
            services.GetRequiredService<IOptions<DispatchOptions>>().Value.LeaseMilliseconds, _time);
        _batches = new Batcher<Pending>(_database.Dialect.Writers, _options.MaxBatchSize, 2 * _options.PrefetchCount, RunBatchAsync);
    }

    public string Operation => _operation.Name;

    public int PrefetchCount => _options.PrefetchCount;

    public async ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        var pending = new Pending(new ReadDelivery(delivery, DeliveryReader.Read(delivery, _operation, _time.GetUtcNow())));
        if (!await _batches.AddAsync(pending, cancellationToken))
        {
            throw new OperationCanceledException("The inbox has stopped; the broker keeps the message.");
        }

        return pending.Settled.Task;
    }

    public ValueTask DisposeAsync() => _batches.DisposeAsync();

    private async Task RunBatchAsync(IReadOnlyList<Pending> batch)
    {
        // Whoever has failed before, or has seen several processes die, no longer shares a transaction.
        var (suspects, others) = (batch.Where(IsSuspect).ToList(), batch.Where(p => !IsSuspect(p)).ToList());
        if (others.Count > 0)
        {
            await RunAsync(others);
        }

        foreach (var suspect in suspects)
        {
            await RunAsync([suspect]);
        }
    }

    private bool IsSuspect(Pending pending) => pending.IsAlone || pending.Attempts > 0 || pending.Item.Delivery.DeliveryCount >= _options.SoloAfterDeliveries;

    private async Task RunAsync(List<Pending> batch)
    {
        try
        {
            var items = batch.ConvertAll(p => p.Item);
            var decisions = await PersistAsync(ct => _transaction.RunAsync(_operation, items, ct));
            // From the last to the first: whoever acknowledges waits for the first, and then finds all of them settled.
            for (var i = batch.Count - 1; i >= 0; i--)
            {
                Settle(batch[i], decisions[i]);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            batch.ForEach(p => p.Settled.TrySetCanceled(_stopping));
        }
        catch (Exception) when (batch.Count > 1)
        {
            await RunAsync(batch[..(batch.Count / 2)]);
            await RunAsync(batch[(batch.Count / 2)..]);
        }
        catch (Exception exception) when (Classify(exception) == DatabaseFault.LockTimeout)
        {
            // Somebody else holds the key or a row. That is not this message's fault: no attempt is counted, and nobody waits with it.
            batch[0].IsAlone = true;
            _ = RetryLaterAsync(batch[0], LockRetry);
        }
        catch (Exception exception)
        {
            await FailAsync(batch[0], exception);
        }
    }

    /// <summary>The message stands alone and failed by itself: try it again later, without holding up the others, or park it.</summary>
    private async Task FailAsync(Pending pending, Exception exception)
    {
        pending.Attempts++;
        if (pending.Attempts < _options.MaxAttempts)
        {
            var delay = TimeSpan.FromMilliseconds(_options.RetryDelayMilliseconds * Math.Pow(2, pending.Attempts - 1));
            WillRetry(exception, pending.Attempts, _options.MaxAttempts, delay.TotalMilliseconds);
            _ = RetryLaterAsync(pending, delay);
            return;
        }

        var delivery = pending.Item.Delivery;
        var parked = pending.Item.Reading is Candidate candidate
            ? ParkedMessage.Of(delivery, candidate, ParkingReason.Poison, exception.ToString())
            : ParkedMessage.Of(delivery, _operation.Name, (Unreadable)pending.Item.Reading);
        try
        {
            await PersistAsync(async ct =>
            {
                await _transaction.ParkAsync(parked, ct);
                return true;
            });
            Parked(exception, ParkingReason.Poison);
            _metrics.Settled(_operation.Name, ParkingReason.Poison);
            pending.Settled.TrySetResult();
        }
        catch (Exception unparked)
        {
            // Not even parked: the broker keeps it.
            pending.Settled.TrySetException(unparked);
        }
    }

    private async Task RetryLaterAsync(Pending pending, TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, _time, _stopping);
            if (!await _batches.AddAsync(pending, _stopping))
            {
                pending.Settled.TrySetCanceled(_stopping);
            }
        }
        catch (OperationCanceledException)
        {
            pending.Settled.TrySetCanceled(_stopping);
        }
    }

    /// <summary>
    /// Runs until the database has done it or the work itself is at fault. While the database is away this holds what it has; the
    /// broker hands out no more than the prefetch count.
    /// </summary>
    private async Task<T> PersistAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        for (var collisions = 0; ; collisions++)
        {
            try
            {
                // A batch that has begun is finished, also while the process stops: the host bounds how long that may take.
                return await work(CancellationToken.None);
            }
            catch (Exception exception)
            {
                switch (Classify(exception))
                {
                    case DatabaseFault.Collision when collisions < MaxCollisions:
                        await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * (collisions + 1))), _time, CancellationToken.None);
                        break;
                    case DatabaseFault.Unavailable:
                        await WaitForDatabaseAsync(exception);
                        break;
                    case DatabaseFault.Timeout when !await DatabaseHealthCheck.AnswersAsync(_database, ProbeLimit, CancellationToken.None):
                        await WaitForDatabaseAsync(exception);
                        break;
                    default:
                        throw;
                }
            }
        }
    }

    private DatabaseFault Classify(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case ClaimCollisionException:
                    return DatabaseFault.Collision;
                case DbException database:
                    return _database.Dialect.Classify(database);
                default:
                    break;
            }
        }

        return DatabaseFault.Work;
    }

    private async Task WaitForDatabaseAsync(Exception exception)
    {
        Waiting(exception.Message);
        do
        {
            await Task.Delay(OutageRetry, _time, _stopping);
        }
        while (!await DatabaseHealthCheck.AnswersAsync(_database, ProbeLimit, _stopping));
    }

    private void Settle(Pending pending, InboxDecision decision)
    {
        var outcome = decision switch
        {
            InboxDecision.Claimed => "claimed",
            InboxDecision.Duplicate => "duplicate",
            InboxDecision.Conflict => ParkingReason.Conflict,
            InboxDecision.TooLate => ParkingReason.TooLate,
            _ => ((Unreadable)pending.Item.Reading).Reason,
        };
        if (decision is not (InboxDecision.Claimed or InboxDecision.Duplicate))
        {
            Parked(null, outcome);
        }

        _metrics.Settled(_operation.Name, outcome);
        pending.Settled.TrySetResult();
    }

    [LoggerMessage(LogLevel.Warning, "The handler failed (attempt {Attempt} of {MaxAttempts}); next attempt in {DelayMilliseconds} ms")]
    private partial void WillRetry(Exception exception, int attempt, int maxAttempts, double delayMilliseconds);

    [LoggerMessage(LogLevel.Error, "A message was parked: {Reason}")]
    private partial void Parked(Exception? exception, string reason);

    [LoggerMessage(LogLevel.Warning, "Holding what has been received until the database is back: {Reason}")]
    private partial void Waiting(string reason);

    /// <summary>A delivery that waits to be settled; completed means acknowledge, anything else leaves it to the broker.</summary>
    private sealed class Pending(ReadDelivery item)
    {
        public ReadDelivery Item => item;

        public int Attempts { get; set; }

        /// <summary>It met a lock that somebody holds for long, and no longer shares a transaction.</summary>
        public bool IsAlone { get; set; }

        public TaskCompletionSource Settled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>The inbox of one operation, as an endpoint sees it.</summary>
internal interface IInbox : IAsyncDisposable
{
    string Operation { get; }

    int PrefetchCount { get; }

    /// <summary>
    /// Hands in a delivery, waiting for room. The task inside completes once it has been committed or parked, and may be acknowledged;
    /// if it fails or is cancelled, the broker keeps the message.
    /// </summary>
    ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken);

    /// <summary>Returns once the delivery has been committed or parked, and may be acknowledged.</summary>
    async Task ProcessAsync(Delivery delivery, CancellationToken cancellationToken) => await await AddAsync(delivery, cancellationToken);
}
