using System.Data;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>
/// Step 4: the one transaction in which a batch of messages takes effect: begin, claim, handle, store, commit.
/// <para>Killed before the commit: nothing happened; the broker hands the messages out again and they run again.</para>
/// <para>Killed after the commit, before the acknowledgement: the messages come again and their keys are found claimed.</para>
/// <para>Commit sent, connection lost: the batch is simply run again. If the commit took place, every key is found claimed.</para>
/// </summary>
internal sealed class InboxTransaction<TContext>(
    Database database, IServiceScopeFactory scopes, Dispatcher dispatcher, InboxClaim claim, InboxStore store, InboxOptions inbox)
    where TContext : DbContext
{
    /// <summary>Runs a batch to its commit and tells, item by item, what was decided. An exception means that nothing happened, but for a COMMIT whose answer was lost.</summary>
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

    private async Task<InboxDecision[]> RunAsync(
        Operation operation, IReadOnlyList<ReadDelivery> batch, HandlerLimit limit, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        InboxDecision[] decisions;
        IReadOnlyList<OutgoingMessage> outgoing;
        long leasedAt;
        await using (var scope = scopes.CreateAsyncScope())
        {
            var context = scope.ServiceProvider.GetRequiredService<TContext>();
            context.Database.AutoSavepointsEnabled = false;
            CrashPoint.Reach("C1", batch.Count);
            await database.OpenAsync(context, cancellationToken);
            await using var transaction = await database.Dialect.BeginAsync(context.Database.GetDbConnection(), cancellationToken);
            await context.Database.UseTransactionAsync(transaction.Inner, cancellationToken);

            decisions = await claim.DecideAsync(transaction, batch, lockWaitMilliseconds, cancellationToken);
            CrashPoint.Reach("C2", batch.Count);
            var handled = await HandleAsync(operation, Claimed(batch, decisions), context, scope.ServiceProvider, limit);
            await context.SaveChangesAsync(cancellationToken);
            leasedAt = dispatcher.Now;
            outgoing = await store.StoreAsync(transaction, handled, ParkedMessage.Find(operation, batch, decisions), cancellationToken);
            CrashPoint.Reach("C4", batch.Count);
            await CrashPoint.ReachWithinAsync("C5", transaction.CommitAsync(cancellationToken), batch.Count);
        }

        CrashPoint.Reach("C6", batch.Count);
        foreach (var message in outgoing)
        {
            dispatcher.HandOver(message, leasedAt);
        }

        return decisions;
    }

    private static List<Candidate> Claimed(IReadOnlyList<ReadDelivery> batch, InboxDecision[] decisions) =>
        [.. batch.Where((_, at) => decisions[at] == InboxDecision.Claimed).Select(item => (Candidate)item.Reading)];

    /// <summary>A handler may ask another database too. That one's outage is the handler's failure: ours has nothing that could be waited for.</summary>
    private async Task<IReadOnlyList<Handled>> HandleAsync(
        Operation operation, List<Candidate> claimed, TContext context, IServiceProvider services, HandlerLimit limit)
    {
        try
        {
            return claimed.Count == 0 ? [] : await limit.RunAsync(() => operation.HandleAsync(claimed, context, services, limit));
        }
        catch (Exception exception) when (context.Database.GetDbConnection().State == ConnectionState.Open && IsConnectionFailure(exception))
        {
            throw new ForeignConnectionException("The handler failed on a connection that is not the transaction's.", exception);
        }
        catch when (limit.IsIgnored)
        {
            // Rolled back politely, the connection would be in two hands: the driver may wait for an answer that the other hand has read, and a
            // statement that comes after the rollback would be committed by itself.
            GivenUpContexts.All.Add(context);
            await database.Dialect.EndSessionAsync(context.Database.GetDbConnection());
            await limit.WaitAMomentAsync();
            throw;
        }
    }

    private bool IsConnectionFailure(Exception? exception) =>
        exception is not null && ((exception is DbException fault && database.Dialect.IsConnectionFailure(fault)) || IsConnectionFailure(exception.InnerException));
}

/// <summary>A handler could not reach a database of its own.</summary>
internal sealed class ForeignConnectionException(string message, Exception inner) : Exception(message, inner);
