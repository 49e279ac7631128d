namespace Messaging.Transactional;

/// <summary>
/// What a batch of messages does, for hot paths: the same guarantees as <see cref="IHandler{TMessage, TContext}"/>, with writes that
/// are free to be set-based. Every message of the batch holds a claim of its own; no key is there twice. Statements run on the
/// DbContext's connection are part of the transaction; changes left in the DbContext are saved.
/// </summary>
/// <typeparam name="TMessage">The contract.</typeparam>
/// <typeparam name="TContext">The DbContext it writes to.</typeparam>
public interface IBatchHandler<TMessage, in TContext>
{
    /// <summary>Handles the messages that share a transaction.</summary>
    /// <param name="batch">One or more; after a failure the same messages come again in smaller batches, down to one.</param>
    /// <param name="database">Bound to the transaction that holds the claims.</param>
    /// <param name="cancellationToken">The handler has had its time (<c>Inbox__HandlerTimeoutMilliseconds</c>). A process that stops lets it finish.</param>
    /// <returns>One outcome for each message, in the same order. An exception rolls all of them back.</returns>
    Task<IReadOnlyList<Outcome>> HandleAsync(IReadOnlyList<Incoming<TMessage>> batch, TContext database, CancellationToken cancellationToken);
}
