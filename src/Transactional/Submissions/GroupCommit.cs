using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>
/// Lets concurrent submissions share a commit: whatever waits while one group is being committed is the next group. A submission that
/// holds its group up goes on alone, beside the groups behind it; one whose key somebody else holds waits for that beside those.
/// </summary>
internal sealed class GroupCommit : IAsyncDisposable
{
    /// <summary>What a caller is told whose submission was not, or perhaps not, stored.</summary>
    public const string NotTaken = "The database did not take the request; it was not stored, or its key finds it. Send it again with the same key.";

    private const int MaxCollisions = 20;

    /// <summary>How long a group waits for a key that another process is committing, before its submissions go on one by one.</summary>
    private const int GroupLockWaitMilliseconds = 100;

    /// <summary>How long a submission that goes on alone waits at first: long enough to tell whose key is held from whose is not.</summary>
    private const int LoneLockWaitMilliseconds = 10;

    private readonly Database _database;
    private readonly AcceptOptions _options;
    private readonly GroupTransaction _transaction;
    private readonly WriterConnection _writer;
    private readonly Batcher<PendingSubmission> _groups;
    private readonly Batcher<PendingSubmission> _alone;
    private readonly Batcher<PendingSubmission> _held;

    public GroupCommit(Database database, Dispatcher dispatcher, AcceptOptions options, int leaseMilliseconds)
    {
        (_database, _options) = (database, options);
        _transaction = new GroupTransaction(database, dispatcher, options, leaseMilliseconds);
        _writer = new WriterConnection(database);

        // One writer: two would have groups of half the size, and each would wait for the other's way to the disk.
        _groups = new Batcher<PendingSubmission>(1, options.MaxGroupSize, options.MaxWaiting, CommitGroupAsync);
        _alone = new Batcher<PendingSubmission>(database.Dialect.Writers, 1, options.MaxWaiting, CommitAloneAsync);
        _held = new Batcher<PendingSubmission>(database.Dialect.Writers, 1, options.MaxWaiting, CommitHeldAsync);
    }

    /// <summary>Hands in a submission; false when too many wait already.</summary>
    public bool TryAdd(PendingSubmission submission) => _groups.TryAdd(submission);

    /// <summary>Commits what still waits.</summary>
    public async ValueTask DisposeAsync()
    {
        await _groups.DisposeAsync();
        await _alone.DisposeAsync();
        await _held.DisposeAsync();
        await _writer.DisposeAsync();
    }

    private Task CommitGroupAsync(IReadOnlyList<PendingSubmission> group) => AnswerAllAsync(group, async () =>
    {
        var (waiting, failure) = await CommitAsync(group, _writer, Math.Min(GroupLockWaitMilliseconds, _options.InFlightWaitMilliseconds));
        if (failure is { Fault: DatabaseFault.LockTimeout } || (failure is { Fault: DatabaseFault.Work } && waiting.Count > 1))
        {
            // One of them holds the others up; alone, each gets its own answer.
            waiting.Where(p => !_alone.TryAdd(p)).ToList().ForEach(p => Fail(p, DatabaseFault.Unavailable, failure.Value.Exception));
            return;
        }

        waiting.ForEach(p => Fail(p, failure!.Value.Fault, failure.Value.Exception));
    });

    private Task CommitAloneAsync(IReadOnlyList<PendingSubmission> one) => AnswerAllAsync(one, async () =>
    {
        await using var connection = new WriterConnection(_database);
        var (waiting, failure) = await CommitAsync(one, connection, Math.Min(LoneLockWaitMilliseconds, _options.InFlightWaitMilliseconds));
        waiting.Where(p => failure!.Value.Fault != DatabaseFault.LockTimeout || !_held.TryAdd(p)).ToList().ForEach(p => Fail(p, failure!.Value.Fault, failure.Value.Exception));
    });

    /// <summary>However many are held, each has its answer when it has waited for as long as one may.</summary>
    private Task CommitHeldAsync(IReadOnlyList<PendingSubmission> one) => AnswerAllAsync(one, async () =>
    {
        await using var connection = new WriterConnection(_database);
        var (waiting, failure) = await CommitAsync(one, connection, Math.Max(LoneLockWaitMilliseconds, _options.InFlightWaitMilliseconds - one[0].WaitedMilliseconds));
        if (waiting.Count > 0)
        {
            var isOutage = failure!.Value.Fault == DatabaseFault.LockTimeout && await IsTableHeldAsync(connection);
            Fail(waiting[0], isOutage ? DatabaseFault.Unavailable : failure.Value.Fault, failure.Value.Exception);
        }
    });

    /// <summary>Whether a whole table is held (rebuilt, altered) and not the key: then a row that is not there cannot be changed either.</summary>
    private async Task<bool> IsTableHeldAsync(WriterConnection connection)
    {
        using var bounded = new CancellationTokenSource(_options.TimeoutMilliseconds);
        try
        {
            await using var transaction = await _database.Dialect.BeginAsync(await connection.OpenAsync(bounded.Token), bounded.Token);
            await using var command = transaction.CreateCommand();
            command.CommandText = _database.Dialect.ByIndex(SubmissionsTable.ChangeNothing, LoneLockWaitMilliseconds);
            _database.Dialect.AddId(command, "@none", Guid.Empty);
            await command.ExecuteNonQueryAsync(bounded.Token);
            return false;
        }
        catch (Exception exception) when (exception is DbException or OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>Whatever is met, for instance by a broken connection that is let go: it must end no writer, and leave nobody without an answer.</summary>
    private static async Task AnswerAllAsync(IReadOnlyList<PendingSubmission> group, Func<Task> commit)
    {
        try
        {
            await commit();
        }
        catch (Exception exception)
        {
            foreach (var pending in group)
            {
                pending.Answer.TrySetException(new DatabaseUnavailableException(NotTaken, exception));
            }
        }
    }

    /// <summary>Commits until it has worked or cannot; returns whoever has no answer yet, and why.</summary>
    private async Task<(List<PendingSubmission> Waiting, (DatabaseFault Fault, Exception Exception)? Failure)> CommitAsync(
        IReadOnlyList<PendingSubmission> group, WriterConnection connection, int lockWaitMilliseconds)
    {
        var waiting = group.Where(p => !p.IsAbandoned).ToList();
        for (var collisions = 0; waiting.Count > 0; collisions++)
        {
            var wasOpen = connection.IsOpen;
            try
            {
                waiting = await _transaction.RunAsync(waiting, connection, lockWaitMilliseconds);
                if (waiting.Count > 0 && collisions >= MaxCollisions)
                {
                    return (waiting, (DatabaseFault.Collision, new InvalidOperationException("Keys were forgotten each time they were asked for.")));
                }
            }
            catch (Exception exception) when (wasOpen && !connection.IsOpen && exception is DbException or InvalidOperationException)
            {
                // Its session may have ended while it stood idle, which is nobody's outage: once more, over a new connection. If the group was
                // committed, it finds its own rows. The driver may say "not open" instead of an error of the database.
                await connection.DropAsync();
            }
            catch (DbException exception)
            {
                await connection.DropAsync();
                var fault = _database.Dialect.IsClaimCollision(exception) ? DatabaseFault.Collision : _database.Dialect.Classify(exception);
                if (fault != DatabaseFault.Collision || collisions >= MaxCollisions)
                {
                    return (waiting, (fault, exception));
                }
            }
            catch (OperationCanceledException exception)
            {
                await connection.DropAsync();
                return (waiting, (DatabaseFault.Timeout, exception));
            }
            catch (Exception exception)
            {
                // Nobody else would learn of it: the callers do. Not tried again one by one, because it may have come after the commit.
                await connection.DropAsync();
                waiting.ForEach(p => p.Answer.TrySetException(exception));
                return ([], null);
            }
        }

        return ([], null);
    }

    private static void Fail(PendingSubmission pending, DatabaseFault fault, Exception exception)
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
                pending.Answer.TrySetException(new DatabaseUnavailableException(NotTaken, exception));
                break;
        }
    }
}
