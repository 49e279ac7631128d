using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Step 6: publishes again whatever was accepted and has neither an outcome nor a message on its way, because the broker lost it after
/// confirming it. Publishing once too often is harmless: the inbox recognises it.
/// </summary>
internal sealed partial class Reconciler(
    Database database, DatabaseGate gate, IOptions<ReconcileOptions> options, IOptions<RetentionOptions> retention, EngineMetrics metrics,
    TimeProvider time, ILogger<Reconciler> log) : BackgroundService
{
    /// <summary>Looks once, at everything accepted up to this time.</summary>
    /// <returns>How many submissions will be published again.</returns>
    public async Task<long> RunOnceAsync(DateTimeOffset acceptedUntil, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = OutgoingTable.InsertForLostSubmissions(database.Dialect);
        Dialect.Add(command, "@from_ms", time.GetUtcNow().ToUnixTimeMilliseconds() - retention.Value.Milliseconds);
        Dialect.Add(command, "@to_ms", acceptedUntil.ToUnixTimeMilliseconds());
        var count = await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return count;
    }

    /// <summary>
    /// The broker forgot everything with the process before this one: leases of that process end now, and every submission without an
    /// outcome goes out again.
    /// </summary>
    public async Task<long> RepublishEverythingAsync(CancellationToken cancellationToken)
    {
        await using (var connection = await database.OpenAsync(cancellationToken))
        {
            await using var transaction = await database.Dialect.BeginAsync(connection, cancellationToken);
            await using var command = transaction.CreateCommand();
            command.CommandText = OutgoingTable.EndLeases;
            await command.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        return await RunOnceAsync(time.GetUtcNow(), cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        var everything = options.Value.EverythingAtStart;
        while (true)
        {
            try
            {
                var count = everything
                    ? await RepublishEverythingAsync(stoppingToken)
                    : await RunOnceAsync(time.GetUtcNow().AddSeconds(-options.Value.OlderThanSeconds), stoppingToken);
                everything = false;
                if (count > 0)
                {
                    metrics.Republished(count);
                    Republished(count);
                }

                if (options.Value.IntervalSeconds == 0)
                {
                    return;
                }
            }
            catch (DbException exception)
            {
                // Two publishers looking at once may meet on a row; whichever is left looks again at the next turn.
                Postponed(exception.Message);
            }

            await Task.Delay(TimeSpan.FromSeconds(Math.Max(1, options.Value.IntervalSeconds)), time, stoppingToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Count} submissions had no outcome and no message on its way; they are published again")]
    private partial void Republished(long count);

    [LoggerMessage(LogLevel.Warning, "Reconciliation waits for its next turn: {Reason}")]
    private partial void Postponed(string reason);
}
