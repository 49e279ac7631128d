using Microsoft.Extensions.Logging;

namespace Messaging.Transactional;

/// <summary>
/// What becomes of a message once it has run: acknowledged, tried again later without holding up the others, or parked. Whatever goes
/// wrong here leaves it to the broker, which hands it out again.
/// </summary>
internal sealed partial class Settlement(
    Operation operation, InboxOptions options, InboxStore store, UntilDone untilDone, Func<PendingDelivery, CancellationToken, ValueTask<bool>> runAgain,
    EngineMetrics metrics, TimeProvider time, ILogger log, CancellationToken stopping)
{
    /// <summary>Its transaction is committed.</summary>
    public void Settle(PendingDelivery pending, InboxDecision decision)
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

        metrics.Settled(operation.Name, outcome);
        pending.Settled.TrySetResult();
    }

    /// <summary>Counts an attempt that failed. True when there is another one, later; false when the message has had all of them.</summary>
    public bool TriesAgain(PendingDelivery pending, Exception exception)
    {
        pending.Attempts++;
        if (pending.Attempts >= options.MaxAttempts)
        {
            FailedAtLast(pending.Attempts, options.MaxAttempts, exception.Message);
            return false;
        }

        var delay = options.RetryDelay(pending.Attempts);
        WillRetry(exception, pending.Attempts, options.MaxAttempts, delay.TotalMilliseconds);
        RetryLater(pending, delay);
        return true;
    }

    /// <summary>
    /// Somebody else holds the key, a row or the file, or the database lacks what the message needs (room, memory, locks). That is not this
    /// message's fault: no attempt is counted, and nobody waits with it who has not been held up too.
    /// </summary>
    public void HoldUp(PendingDelivery pending, Exception exception)
    {
        pending.TimesHeldUp++;
        var delay = LockPatience.RetryAfter(pending.TimesHeldUp);
        HeldUp(pending.TimesHeldUp, delay.TotalMilliseconds, exception.Message);
        RetryLater(pending, delay);
    }

    /// <summary>Processes have died of it: it lets the others go first, for longer each time.</summary>
    public void LetOthersGoFirst(PendingDelivery pending, long deaths)
    {
        pending.HasWaited = true;
        RetryLater(pending, options.RetryDelay(deaths));
    }

    public async Task ParkAsync(PendingDelivery pending, Exception exception)
    {
        var delivery = pending.Item.Delivery;
        var parked = pending.Item.Reading is Candidate candidate
            ? ParkedMessage.Of(delivery, candidate, ParkingReason.Poison, exception.ToString())
            : ParkedMessage.Of(delivery, operation.Name, (Unreadable)pending.Item.Reading);
        try
        {
            await untilDone.RunAsync(ct => store.ParkAsync(parked, ct));
            Parked(exception, ParkingReason.Poison);
            metrics.Settled(operation.Name, ParkingReason.Poison);
            pending.Settled.TrySetResult();
        }
        catch (Exception unparked)
        {
            // Not even parked: the broker keeps it.
            pending.Settled.TrySetException(unparked);
        }
    }

    private void RetryLater(PendingDelivery pending, TimeSpan delay) => _ = RetryLaterAsync(pending, delay);

    /// <summary>Unless the process stops, or the broker has taken it back: then it comes again, and would be retried twice as often each time.</summary>
    private async Task RetryLaterAsync(PendingDelivery pending, TimeSpan delay)
    {
        using var dropped = CancellationTokenSource.CreateLinkedTokenSource(stopping, pending.Item.Delivery.TakenBack);
        try
        {
            await Task.Delay(delay, time, dropped.Token);
            if (await runAgain(pending, dropped.Token))
            {
                return;
            }
        }
        catch (OperationCanceledException)
        {
            // Not run again.
        }

        pending.Settled.TrySetCanceled(CancellationToken.None);
    }

    [LoggerMessage(LogLevel.Warning, "The handler failed (attempt {Attempt} of {MaxAttempts}); next attempt in {DelayMilliseconds} ms")]
    private partial void WillRetry(Exception exception, int attempt, int maxAttempts, double delayMilliseconds);

    [LoggerMessage(LogLevel.Warning, "The handler failed (attempt {Attempt} of {MaxAttempts}): the message is parked, unless its key turns out to be claimed: {Reason}")]
    private partial void FailedAtLast(int attempt, int maxAttempts, string reason);

    [LoggerMessage(LogLevel.Warning, "A message is held up by somebody else's transaction or by what the database lacks (time {Times}); next attempt in {DelayMilliseconds} ms: {Reason}")]
    private partial void HeldUp(int times, double delayMilliseconds, string reason);

    [LoggerMessage(LogLevel.Error, "A message was parked: {Reason}")]
    private partial void Parked(Exception? exception, string reason);
}
