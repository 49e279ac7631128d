using System.Data.Common;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>Step 1: accepts requests under their idempotency keys, and tells what became of them.</summary>
public sealed class Submissions : IAsyncDisposable
{
    private const int MaxCollisions = 20;

    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly Dispatcher _dispatcher;
    private readonly AcceptOptions _options;
    private readonly int _leaseMilliseconds;
    private readonly long _retentionMilliseconds;
    private readonly EngineMetrics _metrics;
    private readonly Batcher<Pending> _groups;

    internal Submissions(
        Database database, DatabaseGate gate, Dispatcher dispatcher, IOptions<AcceptOptions> options, IOptions<DispatchOptions> dispatch,
        IOptions<RetentionOptions> retention, EngineMetrics metrics)
    {
        (_database, _gate, _dispatcher, _metrics) = (database, gate, dispatcher, metrics);
        _options = options.Value;
        _leaseMilliseconds = dispatch.Value.LeaseMilliseconds;
        _retentionMilliseconds = retention.Value.Milliseconds;
        _groups = new Batcher<Pending>(database.Dialect.Writers, _options.MaxGroupSize, _options.MaxWaiting, CommitAsync);
    }

    /// <summary>
    /// Commits a submission together with its outgoing message, or finds the one its key already stands for. Concurrent callers
    /// share a commit; each is answered after the commit that holds its own.
    /// </summary>
    /// <param name="submission">What to accept, if the key is new.</param>
    /// <param name="cancellationToken">Gives up waiting. The submission may have been committed all the same; the key finds it.</param>
    /// <exception cref="DatabaseUnavailableException">Nothing was stored, or (a commit whose answer was lost) the key finds it.</exception>
    public async Task<SubmissionResult> SubmitAsync(Submission submission, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        _gate.ThrowIfClosed();
        var pending = new Pending(submission, submission.Key.ToDigest(), cancellationToken);
        if (!_groups.TryAdd(pending))
        {
            throw new DatabaseUnavailableException($"More than {_options.MaxWaiting} requests wait for the database.");
        }

        try
        {
            var result = await pending.Answer.Task.WaitAsync(TimeSpan.FromMilliseconds(_options.TimeoutMilliseconds), cancellationToken);
            _metrics.Submitted(result.Outcome);
            return result;
        }
        catch (TimeoutException exception)
        {
            pending.Abandon();
            throw new DatabaseUnavailableException($"The database did not commit within {_options.TimeoutMilliseconds} ms.", exception);
        }
    }

    /// <summary>The submission with this id and its outcome; null where there is none, or it is another client's or another operation's.</summary>
    /// <param name="client">Who asks.</param>
    /// <param name="operation">The operation it must belong to.</param>
    /// <param name="id">The id from the acceptance.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="DatabaseUnavailableException">The database did not answer.</exception>
    public async Task<SubmissionStatus?> FindAsync(string client, string operation, Guid id, CancellationToken cancellationToken)
    {
        _gate.ThrowIfClosed();
        try
        {
            await using var connection = await _database.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = SubmissionsTable.Find;
            _database.Dialect.AddId(command, "@id", id);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken) && SubmissionsTable.BelongsTo(reader, client, operation)
                ? SubmissionsTable.ReadStatus(_database.Dialect, reader, _retentionMilliseconds)
                : null;
        }
        catch (DbException exception) when (_database.Dialect.Classify(exception) != DatabaseFault.Work)
        {
            throw Unavailable(exception);
        }
    }

    /// <summary>
    /// Those of many submissions that have an outcome or wait for an operator, in one query: for a process that watches on behalf of
    /// many callers. Ids are taken as they are; ask <see cref="FindAsync"/> first whether a caller owns one.
    /// </summary>
    /// <param name="ids">Any number, in any order.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="DatabaseUnavailableException">The database did not answer.</exception>
    public async Task<IReadOnlyList<SubmissionStatus>> FindSettledAsync(IReadOnlyList<Guid> ids, CancellationToken cancellationToken)
    {
        _gate.ThrowIfClosed();
        try
        {
            await using var connection = await _database.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = SubmissionsTable.FindSettled(_database.Dialect.Source(command, RowSet.OfIds("id", ids), "d"));
            var found = new List<SubmissionStatus>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                found.Add(SubmissionsTable.ReadStatus(_database.Dialect, reader, _retentionMilliseconds));
            }

            return found;
        }
        catch (DbException exception) when (_database.Dialect.Classify(exception) != DatabaseFault.Work)
        {
            throw Unavailable(exception);
        }
    }

    /// <summary>How much waits for the broker.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="DatabaseUnavailableException">The database did not answer.</exception>
    public async Task<OutgoingBacklog> MeasureBacklogAsync(CancellationToken cancellationToken)
    {
        _gate.ThrowIfClosed();
        try
        {
            await using var connection = await _database.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = OutgoingTable.Measure;
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            return new(
                Convert.ToInt64(reader.GetValue(0), System.Globalization.CultureInfo.InvariantCulture),
                reader.IsDBNull(1) ? null : DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(1)));
        }
        catch (DbException exception) when (_database.Dialect.Classify(exception) != DatabaseFault.Work)
        {
            throw Unavailable(exception);
        }
    }

    /// <summary>Commits the groups that still wait.</summary>
    public ValueTask DisposeAsync() => _groups.DisposeAsync();

    /// <summary>
    /// Owns the transaction of a group. Killed before the commit: nothing happened, every key is free. Killed after the commit: the
    /// submissions and their outgoing messages are there; a caller who got no answer asks again and gets a replay.
    /// </summary>
    private async Task CommitAsync(IReadOnlyList<Pending> group)
    {
        var waiting = group.Where(p => !p.IsAbandoned).ToList();
        for (var collisions = 0; waiting.Count > 0; collisions++)
        {
            try
            {
                await TryCommitAsync(waiting);
                return;
            }
            catch (DbException exception)
            {
                var fault = _database.Dialect.IsClaimCollision(exception) ? DatabaseFault.Collision : _database.Dialect.Classify(exception);
                if (fault == DatabaseFault.Collision && collisions < MaxCollisions)
                {
                    continue;
                }

                if (waiting.Count > 1 && fault is DatabaseFault.LockTimeout or DatabaseFault.Work)
                {
                    // One of them holds the others up; alone, each gets its own answer.
                    foreach (var pending in waiting)
                    {
                        await CommitAsync([pending]);
                    }

                    return;
                }

                Fail(waiting, fault, exception);
                return;
            }
            catch (ForgottenMeanwhileException) when (collisions < MaxCollisions)
            {
                continue;
            }
            catch (OperationCanceledException exception)
            {
                waiting.ForEach(p => p.Answer.TrySetException(Unavailable(exception)));
                return;
            }
            catch (Exception exception)
            {
                waiting.ForEach(p => p.Answer.TrySetException(exception));
                return;
            }
        }
    }

    private async Task TryCommitAsync(List<Pending> group)
    {
        // Two requests with one key in the same group: the first one stands for it, the other is answered by what it finds.
        var first = group.DistinctBy(p => p.Digest).Select(p => (p.Digest, p.Submission)).OrderBy(p => p.Digest).ToList();
        using var bounded = new CancellationTokenSource(_options.TimeoutMilliseconds);
        Dictionary<Guid, KnownSubmission> known;
        await using (var connection = await _database.OpenAsync(bounded.Token))
        {
            await using var transaction = await _database.Dialect.BeginAsync(connection, bounded.Token);
            await using var command = transaction.CreateCommand();
            CrashPoint.Reach("P1", group.Count);
            known = await SubmissionsTable.InsertAsync(_database.Dialect, command, first, _options, _leaseMilliseconds, bounded.Token);
            if (known.Count < first.Count)
            {
                // Found by the insert, forgotten by retention, no longer there to be read: now the key is free.
                throw new ForgottenMeanwhileException();
            }

            CrashPoint.Reach("P2", group.Count);
            await transaction.CommitAsync(bounded.Token);
            CrashPoint.Reach("P3", group.Count);
        }

        CrashPoint.Reach("P4", group.Count);
        foreach (var pending in group)
        {
            var found = known[pending.Digest];
            var outcome = found.Id == pending.Submission.Id ? SubmissionOutcome.Accepted
                : found.Fingerprint == pending.Submission.Fingerprint ? SubmissionOutcome.Replayed
                : SubmissionOutcome.KeyReused;
            if (outcome == SubmissionOutcome.Accepted)
            {
                _dispatcher.HandOver(OutgoingMessage.Of(pending.Submission));
            }

            pending.Answer.TrySetResult(outcome == SubmissionOutcome.KeyReused
                ? new SubmissionResult(outcome, Guid.Empty, [])
                : new SubmissionResult(outcome, found.Id, System.Text.Encoding.UTF8.GetBytes(found.Acceptance)));
        }
    }

    private static void Fail(List<Pending> group, DatabaseFault fault, DbException exception)
    {
        foreach (var pending in group)
        {
            switch (fault)
            {
                case DatabaseFault.LockTimeout:
                    pending.Answer.TrySetResult(new SubmissionResult(SubmissionOutcome.InFlight, Guid.Empty, []));
                    break;
                case DatabaseFault.Work:
                    pending.Answer.TrySetException(exception);
                    break;
                default:
                    pending.Answer.TrySetException(Unavailable(exception));
                    break;
            }
        }
    }

    private static DatabaseUnavailableException Unavailable(Exception exception) =>
        new("The database did not take the request; it was not stored, or its key finds it. Send it again with the same key.", exception);

    /// <summary>A caller who waits for its commit.</summary>
    private sealed class Pending(Submission submission, Guid digest, CancellationToken cancellationToken)
    {
        private volatile bool _abandoned;

        public Submission Submission => submission;

        public Guid Digest => digest;

        public TaskCompletionSource<SubmissionResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Nobody waits any more, and the work has not begun: it must not begin.</summary>
        public bool IsAbandoned => _abandoned || cancellationToken.IsCancellationRequested;

        public void Abandon() => _abandoned = true;
    }

    private sealed class ForgottenMeanwhileException() : Exception("A key was forgotten while it was asked for.");
}
