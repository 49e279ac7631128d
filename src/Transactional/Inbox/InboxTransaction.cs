using System.Data;
using System.Data.Common;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>What the inbox decided about one delivery.</summary>
internal enum InboxDecision
{
    /// <summary>The key was free: the handler ran, and its writes are committed.</summary>
    Claimed,

    /// <summary>The key has taken effect with this payload already.</summary>
    Duplicate,

    /// <summary>The key has taken effect with another payload; the message is parked.</summary>
    Conflict,

    /// <summary>Older than the retention horizon and unknown; the message is parked.</summary>
    TooLate,

    /// <summary>It cannot be processed as it is; the message is parked.</summary>
    Unreadable,
}

/// <summary>A delivery and what reading it gave.</summary>
internal readonly record struct ReadDelivery(Delivery Delivery, Reading Reading);

/// <summary>
/// Step 4: the one transaction in which a batch of messages takes effect.
/// <para>Killed before the commit: nothing happened; the broker hands the messages out again and they run again.</para>
/// <para>Killed after the commit, before the acknowledgement: the messages come again and their keys are found claimed.</para>
/// <para>Commit sent, connection lost: the batch is simply run again. If the commit took place, every key is found claimed.</para>
/// </summary>
internal sealed class InboxTransaction<TContext>(
    Database database, IServiceScopeFactory scopes, Dispatcher dispatcher, InboxOptions inbox, RetentionOptions retention, int leaseMilliseconds, TimeProvider time)
    where TContext : DbContext
{
    /// <summary>Runs a batch to its commit and tells, item by item, what was decided. An exception means that nothing happened.</summary>
    /// <param name="operation">Whose handler runs.</param>
    /// <param name="batch">What was received, in order.</param>
    /// <param name="lockWaitMilliseconds">How long each lock that somebody else holds is waited for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<InboxDecision[]> RunAsync(Operation operation, IReadOnlyList<ReadDelivery> batch, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        using var limit = new HandlerLimit(inbox.HandlerTimeoutMilliseconds, cancellationToken);
        try
        {
            return await RunAsync(operation, batch, limit, lockWaitMilliseconds, cancellationToken);
        }
        catch (Exception exception) when (limit.IsOver)
        {
            // Also what the rollback met, under a handler that is still at work.
            throw limit.ToException(exception);
        }
    }

    /// <summary>Parks one message in a transaction of its own.</summary>
    public async Task ParkAsync(ParkedMessage message, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginAsync(connection, cancellationToken);
        await StoreAsync(transaction, [], [], [message], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<InboxDecision[]> RunAsync(
        Operation operation, IReadOnlyList<ReadDelivery> batch, HandlerLimit limit, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        var decisions = new InboxDecision[batch.Count];
        var outgoing = new List<OutgoingMessage>();
        await using (var scope = scopes.CreateAsyncScope())
        {
            var context = scope.ServiceProvider.GetRequiredService<TContext>();
            context.Database.AutoSavepointsEnabled = false;
            CrashPoint.Reach("C1", batch.Count);
            await Database.OpenAsync(context, cancellationToken);
            await using var transaction = await database.Dialect.BeginAsync(context.Database.GetDbConnection(), cancellationToken);
            await context.Database.UseTransactionAsync(transaction.Inner, cancellationToken);

            await ClaimAsync(transaction, batch, decisions, lockWaitMilliseconds, cancellationToken);
            CrashPoint.Reach("C2", batch.Count);
            var outcomes = await HandleAsync(operation, context, scope.ServiceProvider, batch, decisions, outgoing, limit);
            await context.SaveChangesAsync(cancellationToken);
            await StoreAsync(transaction, outcomes, outgoing, FindParked(operation, batch, decisions), cancellationToken);
            CrashPoint.Reach("C4", batch.Count);
            await CrashPoint.ReachWithinAsync("C5", transaction.CommitAsync(cancellationToken), batch.Count);
        }

        CrashPoint.Reach("C6", batch.Count);
        outgoing.ForEach(dispatcher.HandOver);
        return decisions;
    }

    private async Task ClaimAsync(
        WriteTransaction transaction, IReadOnlyList<ReadDelivery> batch, InboxDecision[] decisions, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var firsts = new Dictionary<Guid, int>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            decisions[i] = InboxDecision.Unreadable;
            if (batch[i].Reading is Candidate candidate)
            {
                firsts.TryAdd(candidate.Digest, i);
            }
        }

        if (firsts.Count == 0)
        {
            return;
        }

        var digests = firsts.Keys.Order().ToList();
        var horizonMs = nowMs - retention.Milliseconds;
        var claims = digests.Select(d => (Candidate)batch[firsts[d]].Reading).Where(c => c.AcceptedAt.ToUnixTimeMilliseconds() >= horizonMs).ToList();
        var claimId = Guid.CreateVersion7();
        await using var command = transaction.CreateCommand();
        Dictionary<Guid, KnownClaim> known;
        try
        {
            known = await InboxTable.ClaimAsync(database.Dialect, command, claimId, claims, digests, nowMs, lockWaitMilliseconds, cancellationToken);
        }
        catch (DbException exception) when (database.Dialect.IsClaimCollision(exception))
        {
            throw new ClaimCollisionException("Two claims of one key met.", exception);
        }

        // Whoever stalls between reading the clock and claiming may find a key free that retention has forgotten meanwhile.
        if (time.GetUtcNow().ToUnixTimeMilliseconds() - nowMs > retention.ToleranceMilliseconds / 2)
        {
            throw new ClaimCollisionException("The claim took so long that what is too late has to be judged anew.");
        }

        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Reading is Candidate candidate)
            {
                decisions[i] = Decide(candidate, isFirst: firsts[candidate.Digest] == i, known, claimId);
            }
        }
    }

    private static InboxDecision Decide(Candidate candidate, bool isFirst, Dictionary<Guid, KnownClaim> known, Guid claimId) =>
        !known.TryGetValue(candidate.Digest, out var claim) ? InboxDecision.TooLate
        : claim.Fingerprint != candidate.Fingerprint ? InboxDecision.Conflict
        : isFirst && claim.ClaimId == claimId ? InboxDecision.Claimed
        : InboxDecision.Duplicate;

    private async Task<List<(Guid Digest, Outcome Outcome)>> HandleAsync(
        Operation operation, TContext context, IServiceProvider services, IReadOnlyList<ReadDelivery> batch, InboxDecision[] decisions,
        List<OutgoingMessage> outgoing, HandlerLimit limit)
    {
        var claimed = new List<Candidate>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            if (decisions[i] == InboxDecision.Claimed)
            {
                claimed.Add((Candidate)batch[i].Reading);
            }
        }

        var outcomes = new List<(Guid, Outcome)>(claimed.Count);
        if (claimed.Count == 0)
        {
            return outcomes;
        }

        foreach (var (candidate, outcome, traceParent) in await CallAsync(operation, claimed, context, services, limit))
        {
            outcomes.Add((candidate.Digest, outcome));
            for (var n = 0; n < outcome.Events.Count; n++)
            {
                outgoing.Add(ToMessage(outcome.Events[n], candidate, n + 1, traceParent));
            }
        }

        return outcomes;
    }

    /// <summary>A handler may ask another database too. That one's outage is the handler's failure: ours has nothing that could be waited for.</summary>
    private async Task<IReadOnlyList<Handled>> CallAsync(
        Operation operation, IReadOnlyList<Candidate> claimed, TContext context, IServiceProvider services, HandlerLimit limit)
    {
        try
        {
            return await limit.RunAsync(() => operation.HandleAsync(claimed, context, services, limit));
        }
        catch (Exception exception) when (context.Database.GetDbConnection().State == ConnectionState.Open && IsConnectionFailure(exception))
        {
            throw new ForeignConnectionException("The handler failed on a connection that is not the transaction's.", exception);
        }
    }

    private bool IsConnectionFailure(Exception? exception) =>
        exception is not null && ((exception is DbException fault && database.Dialect.IsConnectionFailure(fault)) || IsConnectionFailure(exception.InnerException));

    private OutgoingMessage ToMessage(object message, Candidate cause, int n, string? traceParent) => new()
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Event(message.GetType()),
        MessageType = MessageUrn.ForTypeString(message.GetType()),
        Body = JsonSerializer.SerializeToUtf8Bytes(message, message.GetType(), JsonSerializerOptions.Web),
        Client = cause.Key.Client,
        IdempotencyKey = cause.Key.Derive(n),
        AcceptedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        TraceParent = traceParent,
    };

    private static List<ParkedMessage> FindParked(Operation operation, IReadOnlyList<ReadDelivery> batch, InboxDecision[] decisions)
    {
        var parked = new List<ParkedMessage>();
        for (var i = 0; i < batch.Count; i++)
        {
            var (delivery, reading) = batch[i];
            switch (decisions[i])
            {
                case InboxDecision.Conflict:
                    parked.Add(ParkedMessage.Of(delivery, (Candidate)reading, ParkingReason.Conflict, "This key has already taken effect with another payload."));
                    break;
                case InboxDecision.TooLate:
                    parked.Add(ParkedMessage.Of(delivery, (Candidate)reading, ParkingReason.TooLate,
                        $"Accepted at {((Candidate)reading).AcceptedAt:O}, before the retention horizon: whether it has taken effect is no longer known."));
                    break;
                case InboxDecision.Unreadable:
                    parked.Add(ParkedMessage.Of(delivery, operation.Name, (Unreadable)reading));
                    break;
                default:
                    break;
            }
        }

        return parked;
    }

    /// <summary>One round trip for whatever there is to store.</summary>
    private async Task StoreAsync(
        WriteTransaction transaction, List<(Guid, Outcome)> outcomes, List<OutgoingMessage> outgoing, List<ParkedMessage> parked, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        await using var command = transaction.CreateCommand();
        var statements = new List<string>(3);
        if (outcomes.Count > 0)
        {
            Dialect.Add(command, "@completed_at_ms", nowMs);
            statements.Add(InboxTable.StoreOutcomes(database.Dialect, command, outcomes));
        }

        if (outgoing.Count > 0)
        {
            Dialect.Add(command, "@lease_ms", (long)leaseMilliseconds);
            statements.Add(OutgoingTable.Insert(database.Dialect, command, outgoing));
        }

        if (parked.Count > 0)
        {
            statements.Add(ParkedMessage.Insert(database.Dialect, command, parked, nowMs));
        }

        if (statements.Count > 0)
        {
            command.CommandText = database.Dialect.ByIndex(string.Join("; ", statements));
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}

/// <summary>A handler could not reach a database of its own.</summary>
internal sealed class ForeignConnectionException(string message, Exception inner) : Exception(message, inner);

/// <summary>The claim does not hold; the batch runs again.</summary>
internal sealed class ClaimCollisionException(string message, Exception? inner = null) : Exception(message, inner);
