using Microsoft.Extensions.Logging;

namespace Messaging.Transactional;

/// <summary>
/// Runs a message that has seen several processes die so that, if this one dies too, the next one knows of which. Whoever is accused
/// lets the others go first, for longer each time: a process that dies of something else accuses another message each time.
/// </summary>
internal sealed partial class RecordedRun(
    FatalAttempts fatal, Settlement settlement, UntilDone untilDone, int maxFatalAttempts, ILogger log, CancellationToken stopping)
{
    /// <param name="pending">The message.</param>
    /// <param name="key">Its key's digest.</param>
    /// <param name="runAlone">Its transaction, and what becomes of it then.</param>
    public async Task RunAsync(PendingDelivery pending, Guid key, Func<Task> runAlone)
    {
        try
        {
            await fatal.WaitForTurnAsync(stopping);
            try
            {
                await RunInTurnAsync(pending, key, runAlone);
            }
            finally
            {
                fatal.EndTurn();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            pending.Settled.TrySetCanceled(stopping);
        }
        catch (Exception exception)
        {
            // Not on record, or not taken back. If the message has not been settled, the broker keeps it.
            NotOnRecord(exception);
            pending.Settled.TrySetException(exception);
        }
    }

    private async Task RunInTurnAsync(PendingDelivery pending, Guid key, Func<Task> runAlone)
    {
        var earlier = await untilDone.RunAsync(ct => fatal.CountAsync(key, ct));
        if (earlier > 0 && !pending.HasWaited)
        {
            settlement.LetOthersGoFirst(pending, earlier);
        }
        else if (earlier >= maxFatalAttempts)
        {
            await RefuseAsync(pending, key, runAlone, earlier);
        }
        else
        {
            await TryAsync(pending, key, runAlone);
        }
    }

    /// <summary>Its handler is not run: no process can die of it. Until it is settled what it is accused of stands.</summary>
    private async Task RefuseAsync(PendingDelivery pending, Guid key, Func<Task> runAlone, long deaths)
    {
        pending.Refused ??= new FatalMessageException(deaths);
        await runAlone();
        if (pending.Settled.Task.IsCompletedSuccessfully)
        {
            await untilDone.RunAsync(ct => fatal.SurvivedAsync(key, ct));
        }
    }

    private async Task TryAsync(PendingDelivery pending, Guid key, Func<Task> runAlone)
    {
        await untilDone.RunAsync(ct => fatal.BeginAsync(key, ct));
        var (attempts, timesHeldUp) = (pending.Attempts, pending.TimesHeldUp);
        await runAlone();
        var hasRun = pending.Attempts > attempts || (pending.TimesHeldUp == timesHeldUp && !pending.Settled.Task.IsCanceled);
        await untilDone.RunAsync(ct => hasRun ? fatal.SurvivedAsync(key, ct) : fatal.TakeBackAsync(key, ct));
    }

    [LoggerMessage(LogLevel.Warning, "Whether a message that has seen several processes die survives this one could not be written down")]
    private partial void NotOnRecord(Exception exception);
}
