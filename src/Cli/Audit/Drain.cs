using System.Data.Common;

namespace Messaging.Cli;

/// <summary>What is on its way: rows that wait for the broker, keys without an outcome, messages in queues.</summary>
internal static class Drain
{
    private const string OnTheWay = """
        SELECT (SELECT COUNT(*) FROM outgoing_messages)
             + (SELECT COUNT(*) FROM submissions AS s LEFT JOIN inbox AS i ON i.key_digest = s.key_digest
                LEFT JOIN parked_messages AS p ON p.key_digest = s.key_digest WHERE i.key_digest IS NULL AND p.id IS NULL)
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits until nothing is on its way.</summary>
    /// <returns>False when the limit came first, or it was cancelled.</returns>
    public static async Task<bool> WaitAsync(AuditDatabase database, BrokerQueues? queues, TimeSpan limit, CancellationToken cancellationToken)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (!cancellationToken.IsCancellationRequested)
        {
            if (await IsEmptyAsync(database, queues, cancellationToken))
            {
                return true;
            }

            if (TimeProvider.System.GetElapsedTime(startedAt) > limit)
            {
                return false;
            }

            await Task.Delay(Interval, TimeProvider.System, cancellationToken);
        }

        return false;
    }

    /// <summary>A database or a broker that does not answer is not empty: it may be starting.</summary>
    private static async Task<bool> IsEmptyAsync(AuditDatabase database, BrokerQueues? queues, CancellationToken cancellationToken)
    {
        try
        {
            return await database.CountAsync(OnTheWay, cancellationToken) == 0
                && (queues is null || (await queues.ReadAsync(cancellationToken)).All(q => q.Ready is null || q.IsEmpty));
        }
        catch (Exception exception) when (exception is DbException or BrokerUnavailableException)
        {
            return false;
        }
    }
}
