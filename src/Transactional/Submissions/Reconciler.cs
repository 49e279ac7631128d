using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Step 6: publishes again whatever was accepted and has neither an outcome nor a message on its way, because the broker lost it after
/// confirming it. Publishing once too often is harmless: the inbox recognises it.
/// </summary>
public sealed partial class Reconciler : BackgroundService
{
    /// <summary>
    /// Submissions that one transaction looks at, and those accepted in the millisecond of its last. From some 5,000 rows on SQL Server locks
    /// the whole table instead.
    /// </summary>
    internal const int MaxBite = 2_000;

    /// <summary>A message is looked for at least so often before its horizon: by default once a day.</summary>
    private const int LeastLooks = 7;

    /// <summary>Time for a message that is found at last to be processed, before it would be too late.</summary>
    private static readonly TimeSpan LastCall = TimeSpan.FromHours(1);

    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly ReconcileOptions _options;
    private readonly RetentionOptions _retention;
    private readonly EngineMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal Reconciler(
        Database database, DatabaseGate gate, IOptions<ReconcileOptions> options, IOptions<RetentionOptions> retention, EngineMetrics metrics,
        TimeProvider time, ILogger<Reconciler> log)
    {
        (_database, _gate, _metrics, _time, _log) = (database, gate, metrics, time, log);
        (_options, _retention) = (options.Value, retention.Value);
    }

    /// <summary>
    /// Looks once, at everything accepted up to this time, however long ago: what is past the horizon no longer runs, but its message
    /// is parked, so that somebody learns of it.
    /// </summary>
    /// <param name="acceptedUntil">Younger submissions are left alone: their messages may be on their way.</param>
    /// <param name="cancellationToken">Stops between two bites; what has been put out goes out.</param>
    /// <returns>How many submissions will be published again.</returns>
    public Task<long> RunOnceAsync(DateTimeOffset acceptedUntil, CancellationToken cancellationToken) =>
        PublishLostAsync(DateTimeOffset.UnixEpoch, acceptedUntil, cancellationToken);

    /// <summary>Publishes every remembered submission again, also those that have taken effect: what a broker does that replays its backlog.</summary>
    /// <param name="cancellationToken">Stops between two bites; what has been put out goes out.</param>
    /// <returns>How many messages go out.</returns>
    public Task<long> ReplayAsync(CancellationToken cancellationToken) =>
        PublishAgainAsync(OutgoingTable.InsertForAllSubmissions(_database.Dialect), FirstRemembered, _time.GetUtcNow(), done: null, cancellationToken);

    /// <summary>Only these are counted: whoever looks at the metric wants to know what was lost, not what somebody asked for.</summary>
    private Task<long> PublishLostAsync(DateTimeOffset acceptedFrom, DateTimeOffset acceptedUntil, CancellationToken cancellationToken, Action<DateTimeOffset>? reached = null) =>
        PublishAgainAsync(OutgoingTable.InsertForLostSubmissions(_database.Dialect), acceptedFrom, acceptedUntil, (count, next) =>
        {
            _metrics.Republished(count);
            reached?.Invoke(next);
        }, cancellationToken);

    /// <summary>
    /// In bites, oldest first, each in a transaction of its own: a broker that lost a backlog of millions has them back from the first second on,
    /// no statement runs into its time limit, and what a failure interrupts is done as far as it came.
    /// </summary>
    private async Task<long> PublishAgainAsync(
        string statement, DateTimeOffset acceptedFrom, DateTimeOffset acceptedUntil, Action<long, DateTimeOffset>? done, CancellationToken cancellationToken)
    {
        var count = 0L;
        var untilMs = acceptedUntil.ToUnixTimeMilliseconds();
        for (var fromMs = acceptedFrom.ToUnixTimeMilliseconds(); fromMs <= untilMs;)
        {
            await using var connection = await _database.OpenAsync(cancellationToken);
            var endMs = await EndOfBiteAsync(connection, fromMs, untilMs, cancellationToken);
            var bite = await PublishBiteAsync(connection, statement, fromMs, endMs, cancellationToken);
            count += bite;
            fromMs = endMs + 1;
            done?.Invoke(bite, DateTimeOffset.FromUnixTimeMilliseconds(fromMs));
        }

        return count;
    }

    private async Task<long> EndOfBiteAsync(DbConnection connection, long fromMs, long untilMs, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = SubmissionsTable.EndOfBite(_database.Dialect);
        Dialect.Add(command, "@from_ms", fromMs);
        Dialect.Add(command, "@to_ms", untilMs);
        Dialect.Add(command, "@bite", MaxBite - 1);
        return await command.ExecuteScalarAsync(cancellationToken) is long endMs ? endMs : untilMs;
    }

    private async Task<long> PublishBiteAsync(DbConnection connection, string statement, long fromMs, long endMs, CancellationToken cancellationToken)
    {
        await using var transaction = await _database.Dialect.BeginAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = _database.Dialect.ByIndex(statement);
        Dialect.Add(command, "@from_ms", fromMs);
        Dialect.Add(command, "@to_ms", endMs);
        var count = await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return count;
    }

    /// <summary>
    /// The broker forgot everything with the process before this one: leases of that process end now, and every submission without an
    /// outcome goes out again.
    /// </summary>
    /// <param name="cancellationToken">Stops; what has not been published again is at the next start.</param>
    /// <returns>How many submissions will be published again.</returns>
    public async Task<long> RepublishEverythingAsync(CancellationToken cancellationToken)
    {
        await using (var connection = await _database.OpenAsync(cancellationToken))
        {
            await using var transaction = await _database.Dialect.BeginAsync(connection, cancellationToken);
            await using var command = transaction.CreateCommand();
            command.CommandText = OutgoingTable.EndLeases;
            await command.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        return await RunOnceAsync(_time.GetUtcNow(), cancellationToken);
    }

    private DateTimeOffset FirstRemembered => _time.GetUtcNow().AddMilliseconds(-_retention.Milliseconds);

    /// <summary>Looks at the submissions that have reached one of the <see cref="Ages"/> since the last turn.</summary>
    private async Task<long> LookAtThoseOfAgeAsync(DateTimeOffset lastTurn, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var count = 0L;
        foreach (var age in Ages(_options, _retention))
        {
            count += await PublishLostAsync(lastTurn - age + TimeSpan.FromMilliseconds(1), now - age, cancellationToken);
        }

        return count;
    }

    /// <summary>
    /// N seconds, 2 N, 4 N, and so on, but at most a seventh of the horizon apart. A message that waits in a long queue looks just like a lost one;
    /// so it is published again a few times, not once a turn. One look is shortly before the horizon, whatever N: what is found there still takes
    /// effect. What is found past the horizon is parked.
    /// </summary>
    internal static IEnumerable<TimeSpan> Ages(ReconcileOptions options, RetentionOptions retention)
    {
        var horizon = TimeSpan.FromMilliseconds(retention.Milliseconds);
        yield return LastAge(options, retention);
        for (var age = TimeSpan.FromSeconds(Math.Max(1, options.OlderThanSeconds)); age <= 2 * horizon;)
        {
            yield return age;
            age += age < horizon && age > horizon / LeastLooks ? horizon / LeastLooks : age;
        }
    }

    /// <summary>An hour before the horizon; two turns, where they are further apart, so that one is in time.</summary>
    private static TimeSpan LastAge(ReconcileOptions options, RetentionOptions retention)
    {
        var (horizon, turns) = (TimeSpan.FromMilliseconds(retention.Milliseconds), TimeSpan.FromSeconds(2 * options.IntervalSeconds));
        return horizon - (turns > horizon / 2 ? horizon / 2 : turns > LastCall ? turns : LastCall);
    }

    /// <summary>Whatever is younger is met by a later turn, at the first of the <see cref="Ages"/>.</summary>
    private TimeSpan FirstAge
    {
        get
        {
            var (first, last) = (TimeSpan.FromSeconds(_options.OlderThanSeconds), LastAge(_options, _retention));
            return first < last ? first : last;
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _gate.WaitAsync(stoppingToken);
        DateTimeOffset? lastTurn = null;

        // How far the first look, at everything, has come: what lies behind it has gone out, and while it waits in its queue it looks lost.
        var reached = DateTimeOffset.UnixEpoch;
        while (true)
        {
            try
            {
                var now = _time.GetUtcNow();
                var count = lastTurn is { } last ? await LookAtThoseOfAgeAsync(last, now, stoppingToken)
                    : _options.EverythingAtStart ? await RepublishEverythingAsync(stoppingToken)
                    : await PublishLostAsync(reached, now - FirstAge, stoppingToken, at => reached = at);
                lastTurn = now;
                if (count > 0)
                {
                    Republished(count);
                }

                if (_options.IntervalSeconds == 0)
                {
                    return;
                }
            }
            catch (DbException exception)
            {
                // The next turn looks at the same ones, or the first look goes on where it was. One that was put out and still waits in its queue may
                // go out once more.
                Postponed(exception.Message);
            }

            await Task.Delay(TimeSpan.FromSeconds(Math.Max(1, _options.IntervalSeconds)), _time, stoppingToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Count} submissions had no outcome and no message on its way; they are published again")]
    private partial void Republished(long count);

    [LoggerMessage(LogLevel.Warning, "Reconciliation waits for its next turn: {Reason}")]
    private partial void Postponed(string reason);
}
