using System.Data.Common;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>Step 1: accepts requests under their idempotency keys, and tells what became of them.</summary>
public sealed class Submissions : IAsyncDisposable
{
    private readonly Database _database;
    private readonly DatabaseGate _gate;
    private readonly AcceptOptions _options;
    private readonly long _retentionMilliseconds;
    private readonly EngineMetrics _metrics;
    private readonly GroupCommit _groups;

    internal Submissions(
        Database database, DatabaseGate gate, Dispatcher dispatcher, IOptions<AcceptOptions> options, IOptions<DispatchOptions> dispatch,
        IOptions<RetentionOptions> retention, EngineMetrics metrics)
    {
        (_database, _gate, _metrics) = (database, gate, metrics);
        _options = options.Value;
        _retentionMilliseconds = retention.Value.Milliseconds;
        _groups = new GroupCommit(database, dispatcher, _options, dispatch.Value.LeaseMilliseconds);
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
        var pending = new PendingSubmission(submission, submission.Key.ToDigest(), cancellationToken);
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

    /// <summary>How much waits for the broker. Asked before the database has been seen to be fit, it answers once it has.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="DatabaseUnavailableException">The database did not answer.</exception>
    public async Task<OutgoingBacklog> MeasureBacklogAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
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

    private static DatabaseUnavailableException Unavailable(Exception exception) => new(GroupCommit.NotTaken, exception);
}
