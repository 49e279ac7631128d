using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Processes the deliveries of one operation, each key exactly once. It owns every retry of the consuming side: deliveries that wait
/// together share a transaction; a batch that fails is halved until the guilty message stands alone; what becomes of that one is the
/// <see cref="Settlement"/>'s; an outage of the database is waited for and is nobody's fault.
/// </summary>
internal sealed partial class Inbox<TContext> : IInbox
    where TContext : DbContext
{
    private readonly Operation _operation;
    private readonly DatabaseGate _gate;
    private readonly InboxOptions _options;
    private readonly InboxTransaction<TContext> _transaction;
    private readonly UntilDone _untilDone;
    private readonly Settlement _settlement;
    private readonly RecordedRun _recorded;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly Batcher<PendingDelivery> _batches;

    public Inbox(Operation operation, IServiceProvider services)
    {
        _operation = operation;
        var database = services.GetRequiredService<Database>();
        _gate = services.GetRequiredService<DatabaseGate>();
        _options = services.GetRequiredService<IOptions<InboxOptions>>().Value;
        _time = services.GetRequiredService<TimeProvider>();
        _log = services.GetRequiredService<ILoggerFactory>().CreateLogger($"Messaging.Transactional.Inbox.{operation.Name}");
        _stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        _untilDone = new UntilDone(database, _time, _log, _stopping);
        var claim = new InboxClaim(database, services.GetRequiredService<IOptions<RetentionOptions>>().Value, _time);
        var store = new InboxStore(database, services.GetRequiredService<IOptions<DispatchOptions>>().Value.LeaseMilliseconds, _time);
        _transaction = new InboxTransaction<TContext>(
            database, services.GetRequiredService<IServiceScopeFactory>(), services.GetRequiredService<Dispatcher>(), claim, store, _options);
        _batches = new Batcher<PendingDelivery>(database.Dialect.Writers, _options.MaxBatchSize, 2 * _options.PrefetchCount, RunBatchAsync,
            new(_options.MaxBatchBytes, p => p.Item.Delivery.Body.Length, TimeSpan.FromMilliseconds(_options.MaxBatchDelayMilliseconds), _time));
        _settlement = new Settlement(
            operation, _options, store, _untilDone, _batches.AddAsync, services.GetRequiredService<EngineMetrics>(), _time, _log, _stopping);
        _recorded = new RecordedRun(services.GetRequiredService<FatalAttempts>(), _settlement, _untilDone, _options.MaxFatalAttempts, _log, _stopping);
    }

    public string Operation => _operation.Name;

    public int PrefetchCount => _options.PrefetchCount;

    public ReadDelivery Read(Delivery delivery) => new(delivery, DeliveryReader.Read(delivery, _operation, _time.GetUtcNow()));

    public Task<bool> WaitOutAsync(Exception exception, CancellationToken cancellationToken) => _untilDone.WaitOutAsync(exception).WaitAsync(cancellationToken);

    public async ValueTask<Task> AddAsync(ReadDelivery item, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        var pending = new PendingDelivery(item);
        if (!await _batches.AddAsync(pending, cancellationToken))
        {
            throw new OperationCanceledException("The inbox has stopped; the broker keeps the message.");
        }

        return pending.Settled.Task;
    }

    public ValueTask DisposeAsync() => _batches.DisposeAsync();

    private async Task RunBatchAsync(IReadOnlyList<PendingDelivery> batch)
    {
        try
        {
            await RunBatchAsync(batch, new LockPatience());
        }
        catch (Exception exception)
        {
            // A flaw of ours must not end the worker: the broker keeps what has not been settled.
            Broken(exception);
            foreach (var pending in batch)
            {
                pending.Settled.TrySetException(exception);
            }
        }
    }

    private async Task RunBatchAsync(IReadOnlyList<PendingDelivery> batch, LockPatience patience)
    {
        // Whoever has failed before, or has seen several processes die, no longer shares a transaction. Whoever was held up shares one with its like.
        var (suspects, others) = (batch.Where(IsSuspect).ToList(), batch.Where(p => !IsSuspect(p)).ToList());
        foreach (var alike in others.GroupBy(p => p.TimesHeldUp > 0).OrderBy(group => group.Key))
        {
            await RunAsync(_operation, [.. alike], patience);
        }

        foreach (var suspect in suspects)
        {
            await (MayBeFatal(suspect)
                ? _recorded.RunAsync(suspect, ((Candidate)suspect.Item.Reading).Digest, () => RunAloneAsync(suspect, patience))
                : RunAloneAsync(suspect, patience));
        }
    }

    private bool IsSuspect(PendingDelivery pending) => pending.Attempts > 0 || MayBeFatal(pending);

    private bool MayBeFatal(PendingDelivery pending) => pending.Item is { Reading: Candidate, Delivery: var delivery } && delivery.DeliveryCount >= _options.SoloAfterDeliveries;

    private Task RunAloneAsync(PendingDelivery pending, LockPatience patience) =>
        RunAsync(pending.Refused is { } why ? new RefusedOperation(_operation, why) : _operation, [pending], patience);

    /// <param name="operation">Whose handler runs.</param>
    /// <param name="batch">Those that share a transaction.</param>
    /// <param name="patience">How long it waits for what is not its own fault.</param>
    private async Task RunAsync(Operation operation, List<PendingDelivery> batch, LockPatience patience)
    {
        var isHeldGroup = batch.Count > 1 && batch[0].TimesHeldUp > 0;
        try
        {
            var items = batch.ConvertAll(p => p.Item);
            var lockWaitMilliseconds = isHeldGroup ? patience.OfHeldGroup : patience.Milliseconds;
            var decisions = await _untilDone.RunAsync(ct => _transaction.RunAsync(operation, items, lockWaitMilliseconds, ct), patience.MaxRefusals);
            // From the last to the first: whoever acknowledges waits for the first, and then finds all of them settled.
            for (var i = batch.Count - 1; i >= 0; i--)
            {
                _settlement.Settle(batch[i], decisions[i]);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            batch.ForEach(p => p.Settled.TrySetCanceled(_stopping));
        }
        catch (Exception exception) when (batch.Count > 1)
        {
            // The short wait of a held group spends nothing: the first of it that runs alone has the whole one.
            if (!isHeldGroup)
            {
                IsOthersFault(exception, patience);
            }

            // One by one where halves are no use: with the guilty one in it each would take the whole time of the handler, or of its statement,
            // once more; and of those that were held up before, most are again.
            var isTooSlow = exception is HandlerTimeoutException || _untilDone.Classify(exception) == DatabaseFault.Timeout;
            foreach (var part in batch.Chunk(isHeldGroup || isTooSlow ? 1 : (batch.Count + 1) / 2))
            {
                await RunAsync(operation, [.. part], patience);
            }
        }
        catch (RefusedException refused)
        {
            await _settlement.ParkAsync(batch[0], refused.Why);
        }
        catch (Exception exception) when (IsOthersFault(exception, patience) || (operation is RefusedOperation && _untilDone.Classify(exception) == DatabaseFault.Timeout))
        {
            _settlement.HoldUp(batch[0], exception);
        }
        catch (Exception exception) when (operation is RefusedOperation refused)
        {
            Unjudged(exception);
            await _settlement.ParkAsync(batch[0], refused.Why);
        }
        catch (Exception exception)
        {
            await FailAsync(batch[0], exception, patience);
        }
    }

    /// <summary>
    /// It stood alone and failed by itself. After its last attempt it is parked, but its transaction may be one whose COMMIT nobody answered in
    /// time and which comes true later: so its key is claimed once more first.
    /// </summary>
    private async Task FailAsync(PendingDelivery pending, Exception exception, LockPatience patience)
    {
        if (_settlement.TriesAgain(pending, exception))
        {
            return;
        }

        if (pending.Item.Reading is not Candidate)
        {
            await _settlement.ParkAsync(pending, exception);
            return;
        }

        pending.Refused = exception;
        await RunAloneAsync(pending, patience);
    }

    /// <summary>True for a lock that somebody held for too long, which has been waited for, for collisions without end, and for what a database refuses that is there.</summary>
    private bool IsOthersFault(Exception exception, LockPatience patience)
    {
        var fault = _untilDone.Classify(exception);
        patience.Spend(fault);
        return fault is DatabaseFault.LockTimeout or DatabaseFault.Collision or DatabaseFault.Unavailable;
    }

    [LoggerMessage(LogLevel.Warning, "Whether a message that is parked has taken effect could not be looked up")]
    private partial void Unjudged(Exception exception);

    [LoggerMessage(LogLevel.Critical, "A batch was given up; the broker keeps its messages. This is a defect: please report it")]
    private partial void Broken(Exception exception);
}
