using System.Data.Common;

namespace Messaging.Cli;

/// <summary>The look at everything when the storm is over.</summary>
internal sealed class StormAudit(ChaosSettings settings, AuditDatabase? database, Journal journal, StormLog log, Interruption interruption)
{
    /// <param name="stopped">No service of the storm's runs any more.</param>
    /// <returns>Or why there is none: the storm has a report all the same.</returns>
    public async Task<(AuditReport? Audit, string? Obstacle)> RunAsync(bool stopped)
    {
        if (database is null)
        {
            return (null, "no database was named");
        }

        try
        {
            return (await JudgeAsync(database, stopped), null);
        }
        catch (DbException exception)
        {
            return (null, $"the audit could not be made: {exception.Message}");
        }
    }

    private async Task<AuditReport> JudgeAsync(AuditDatabase from, bool stopped)
    {
        var queues = await ReadQueuesAsync();
        if (stopped)
        {
            // Nobody is there to hold a delivery: what was unacknowledged is ready again.
            queues = queues?.Select(q => q with { Unacknowledged = q.Unacknowledged ?? 0 }).ToList();
        }

        var auditing = new AuditSettings { Database = settings.Database!, Effects = settings.Effects, Broker = settings.Broker, AllowForgotten = settings.AllowForgotten };
        // Standalone has no broker outside its process; when that has ended, its messages are the outgoing rows.
        return await new Auditor(auditing, journal).RunAsync(from, settings.Target == TargetKind.Standalone ? [] : queues, interruption.Quit);
    }

    /// <returns>Null when no broker was named, or it does not answer: then the audit says what it could not see.</returns>
    private async Task<IReadOnlyList<QueueCount>?> ReadQueuesAsync()
    {
        try
        {
            return settings.BrokerQueues is { } queues ? await queues.ReadAsync(interruption.Quit) : null;
        }
        catch (BrokerUnavailableException exception)
        {
            log.Tell($"The queues could not be read: {exception.Message}");
            return null;
        }
    }
}
