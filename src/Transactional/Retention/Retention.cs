using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Step 7: forgets keys that are older than the horizon and settled. The submission and the inbox row of a key go in one transaction,
/// so that no key is answered 202 and then found to have taken effect before. The inbox stops running a message at the horizon;
/// its key is forgotten only a tolerance later, so that whoever finds no claim also finds the message too late.
/// <para>Killed before the commit of a bite: both rows of each of its keys are there. Killed after it: neither is.</para>
/// </summary>
public sealed partial class Retention : BackgroundService
{
    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly RetentionOptions _options;
    private readonly EngineMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private DateTimeOffset? _told;

    internal Retention(
        Database database, DatabaseGate gate, IOptions<RetentionOptions> options, EngineMetrics metrics, TimeProvider time, ILogger<Retention> log) =>
        (_database, _gate, _options, _metrics, _time, _log) = (database, gate, options.Value, metrics, time, log);

    /// <summary>One pass, from the oldest key to the horizon, in bites with pauses between them.</summary>
    /// <param name="cancellationToken">Stops between two bites; what is forgotten stays forgotten.</param>
    /// <returns>How many keys this call has forgotten.</returns>
    public async Task<long> RunOnceAsync(CancellationToken cancellationToken)
    {
        var horizon = _time.GetUtcNow().AddMilliseconds(-_options.Milliseconds - _options.ToleranceMilliseconds);
        var submitted = await ForgetAsync(Origin.Submission, horizon, cancellationToken);
        var foreign = await ForgetAsync(Origin.Foreign, horizon, cancellationToken);
        if (submitted + foreign > 0)
        {
            Forgot(submitted, foreign, horizon);
        }

        await ForgetFatalAttemptsAsync(horizon, cancellationToken);
        await MeasureAsync(horizon, cancellationToken);
        return submitted + foreign;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_options.IntervalSeconds == 0)
        {
            return;
        }

        await _gate.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await RunOnceAsync(stoppingToken);
            }
            catch (DbException exception)
            {
                Postponed(exception.Message);
            }

            await Task.Delay(TimeSpan.FromSeconds(_options.IntervalSeconds), _time, stoppingToken);
        }
    }

    private async Task<long> ForgetAsync(Origin origin, DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        var count = 0L;
        for (var bite = default(Bite); ;)
        {
            var startedAt = _time.GetTimestamp();
            await using (var connection = await _database.OpenAsync(cancellationToken))
            {
                await using var transaction = await _database.Dialect.BeginAsync(connection, cancellationToken);
                bite = await ForgetSomeAsync(transaction, origin, bite.LastMs, horizon, cancellationToken);
                CrashPoint.Reach("R2", bite.Keys);
                await transaction.CommitAsync(cancellationToken);
            }

            count += bite.Keys;
            _metrics.Forgotten("inbox", bite.Keys);
            if (origin == Origin.Submission)
            {
                _metrics.Forgotten("submissions", bite.Keys);
            }

            if (bite.Keys < _options.MaxBatchSize)
            {
                return count;
            }

            await Task.Delay(_options.PauseAfter(_time.GetElapsedTime(startedAt)), _time, cancellationToken);
        }
    }

    /// <summary>One bite, in the caller's transaction.</summary>
    internal async Task<Bite> ForgetSomeAsync(
        WriteTransaction transaction, Origin origin, long fromMs, DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        var dialect = _database.Dialect;
        var digests = new List<Guid>();
        await using (var pick = transaction.CreateCommand())
        {
            pick.CommandText = origin == Origin.Submission ? RetentionTable.PickSettled(dialect) : RetentionTable.PickForeign(dialect);
            Dialect.Add(pick, "@from_ms", fromMs);
            Dialect.Add(pick, "@horizon_ms", horizon.ToUnixTimeMilliseconds());
            Dialect.Add(pick, "@limit", _options.MaxBatchSize);
            await using var reader = await pick.ExecuteReaderAsync(cancellationToken);
            do
            {
                while (await reader.ReadAsync(cancellationToken))
                {
                    digests.Add(dialect.ReadId(reader, 0));
                    fromMs = reader.GetInt64(1);
                }
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        if (digests.Count == 0)
        {
            return default;
        }

        if (origin == Origin.Submission)
        {
            await using var submissions = transaction.CreateCommand();
            submissions.CommandText = RetentionTable.DeleteSubmissions(dialect, submissions, digests);
            await submissions.ExecuteNonQueryAsync(cancellationToken);
            CrashPoint.Reach("R1", digests.Count);
        }

        await using var inbox = transaction.CreateCommand();
        inbox.CommandText = RetentionTable.DeleteInbox(dialect, inbox, digests);
        await inbox.ExecuteNonQueryAsync(cancellationToken);
        return new Bite(digests.Count, fromMs);
    }

    /// <summary>Of messages that never came again: somebody deleted their queue.</summary>
    private async Task ForgetFatalAttemptsAsync(DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        await using var connection = await _database.OpenAsync(cancellationToken);
        await using var transaction = await _database.Dialect.BeginAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = FatalAttemptsTable.Forget;
        Dialect.Add(command, "@horizon_ms", horizon.ToUnixTimeMilliseconds());
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task MeasureAsync(DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        await using var connection = await _database.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = RetentionTable.Oldest;
        var oldest = await command.ExecuteScalarAsync(cancellationToken) is long ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : (DateTimeOffset?)null;
        _metrics.OldestRemembered(oldest is { } acceptedAt ? _time.GetUtcNow() - acceptedAt : TimeSpan.Zero);
        if (oldest < horizon && oldest != _told)
        {
            Keeps(oldest.Value);
            _told = oldest;
        }
    }

    [LoggerMessage(LogLevel.Information, "Forgot {Submitted} keys of submissions and {Foreign} of foreign messages, accepted before {Horizon:O}")]
    private partial void Forgot(long submitted, long foreign, DateTimeOffset horizon);

    [LoggerMessage(LogLevel.Warning,
        "A submission accepted at {AcceptedAt:O} is past the horizon and not settled: it has no outcome, or a message of its key is on its way or parked. It is kept")]
    private partial void Keeps(DateTimeOffset acceptedAt);

    [LoggerMessage(LogLevel.Warning, "Retention waits for its next turn: {Reason}")]
    private partial void Postponed(string reason);

    /// <summary>Where a key came from, and so which rows it has.</summary>
    internal enum Origin
    {
        /// <summary>From the publisher: a submission and an inbox row.</summary>
        Submission,

        /// <summary>From a foreign producer: an inbox row.</summary>
        Foreign,
    }

    /// <summary>What one transaction forgot, and how far it came.</summary>
    internal readonly record struct Bite(int Keys, long LastMs);
}
