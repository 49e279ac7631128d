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
/// and at last parked, and so is one that kills its process; an outage of the database is waited for and is nobody's fault.
/// </summary>
internal sealed partial class Inbox<TContext> : IInbox
    where TContext : DbContext
{
    private const int MaxCollisions = 50;

    private static readonly TimeSpan LockRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OutageRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestRetryDelay = TimeSpan.FromMinutes(1);

    private readonly Operation _operation;
    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly InboxOptions _options;
    private readonly InboxTransaction<TContext> _transaction;
    private readonly FatalAttempts _fatal;
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
        _fatal = services.GetRequiredService<FatalAttempts>();
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
            await RunAsync(_operation, others);
        }

        foreach (var suspect in suspects)
        {
            await (MayBeFatal(suspect) ? RunOnRecordAsync(suspect, (Candidate)suspect.Item.Reading) : RunAsync(_operation, [suspect]));
        }
    }

    private bool IsSuspect(Pending pending) => pending.IsAlone || pending.Attempts > 0 || MayBeFatal(pending);

    private bool MayBeFatal(Pending pending) => pending.Item is { Reading: Candidate, Delivery: var delivery } && delivery.DeliveryCount >= _options.SoloAfterDeliveries;

    /// <summary>
    /// Runs a message that has seen several processes die so that, if this one dies too, the next one knows of which. Whoever is accused
    /// lets the others go first, for longer each time: a process that dies of something else accuses another message each time.
    /// </summary>
    private async Task RunOnRecordAsync(Pending pending, Candidate candidate)
    {
        try
        {
            await _fatal.WaitForTurnAsync(_stopping);
            try
            {
                var earlier = await PersistAsync(ct => _fatal.CountAsync(candidate.Digest, ct));
                if (earlier > 0 && !pending.HasWaited)
                {
                    pending.HasWaited = true;
                    _ = RetryLaterAsync(pending, RetryDelay(earlier));
                    return;
                }

                if (earlier >= _options.MaxFatalAttempts)
                {
                    await RunAsync(new FatalOperation(_operation, earlier), [pending]);
                }
                else
                {
                    await PersistAsync(ct => _fatal.BeginAsync(candidate.Digest, ct));
                    await RunAsync(_operation, [pending]);
                }

                await PersistAsync(ct => _fatal.SurvivedAsync(candidate.Digest, ct));
            }
            finally
            {
                _fatal.EndTurn();
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            pending.Settled.TrySetCanceled(_stopping);
        }
        catch (Exception exception)
        {
            // Not on record, or not taken back. If the message has not been settled, the broker keeps it.
            NotOnRecord(exception);
            pending.Settled.TrySetException(exception);
        }
    }

    private async Task RunAsync(Operation operation, List<Pending> batch)
    {
        try
        {
            var items = batch.ConvertAll(p => p.Item);
            var decisions = await PersistAsync(ct => _transaction.RunAsync(operation, items, ct));
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
            await RunAsync(operation, batch[..(batch.Count / 2)]);
            await RunAsync(operation, batch[(batch.Count / 2)..]);
        }
        catch (FatalMessageException exception)
        {
            await ParkAsync(batch[0], exception);
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
            var delay = RetryDelay(pending.Attempts);
            WillRetry(exception, pending.Attempts, _options.MaxAttempts, delay.TotalMilliseconds);
            _ = RetryLaterAsync(pending, delay);
            return;
        }

        await ParkAsync(pending, exception);
    }

    /// <summary>Doubled for each attempt, up to a minute.</summary>
    private TimeSpan RetryDelay(long attempts) =>
        TimeSpan.FromMilliseconds(Math.Min(LongestRetryDelay.TotalMilliseconds, _options.RetryDelayMilliseconds * Math.Pow(2, attempts - 1)));

    private async Task ParkAsync(Pending pending, Exception exception)
    {
        var delivery = pending.Item.Delivery;
        var parked = pending.Item.Reading is Candidate candidate
            ? ParkedMessage.Of(delivery, candidate, ParkingReason.Poison, exception.ToString())
            : ParkedMessage.Of(delivery, _operation.Name, (Unreadable)pending.Item.Reading);
        try
        {
            await PersistAsync(ct => _transaction.ParkAsync(parked, ct));
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

    private Task<bool> PersistAsync(Func<CancellationToken, Task> work) => PersistAsync(async ct =>
    {
        await work(ct);
        return true;
    });

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

    [LoggerMessage(LogLevel.Warning, "Whether a message that has seen several processes die survives this one could not be written down")]
    private partial void NotOnRecord(Exception exception);

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

        /// <summary>Processes have died of it, and it has let the others go first.</summary>
        public bool HasWaited { get; set; }

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
