namespace Messaging.Transactional;

/// <summary>What a handler gets: the message, and who it is.</summary>
/// <typeparam name="TMessage">The contract.</typeparam>
/// <param name="Message">The message itself.</param>
/// <param name="Key">Client, operation and idempotency key.</param>
/// <param name="Fingerprint">Of the payload.</param>
/// <param name="AcceptedAt">When it was accepted by the publisher, or sent by a foreign producer, UTC.</param>
public sealed record Incoming<TMessage>(TMessage Message, ScopedKey Key, Fingerprint Fingerprint, DateTimeOffset AcceptedAt)
{
    /// <summary>
    /// The key to hand to a system outside the database (a payment provider, say), so that it can recognise a repetition: a handler
    /// whose transaction rolled back runs again.
    /// </summary>
    /// <param name="n">Counts the calls of one handler, from 1.</param>
    public string DeriveKey(int n) => Key.Derive(n);
}

/// <summary>
/// What a message does. Plain code: it writes to the DbContext and answers an outcome; it knows no broker and no inbox, need not
/// save and must not commit. Its writes, its outcome and its events are committed together with the claim on the key, or not at all.
/// It may run more than once for one message, when an earlier run was rolled back.
/// <para>Messages of a batch share the transaction and the context, one after the other. What an earlier one has added, a later one finds
/// there by <c>Find</c> and <c>Local</c>, and by a query once it is saved: a handler whose answer depends on rows that the messages beside it
/// may write calls <c>SaveChangesAsync</c> before it asks for them. A lock on a row keeps other transactions out, not the batch's own messages.</para>
/// </summary>
/// <typeparam name="TMessage">The contract.</typeparam>
/// <typeparam name="TContext">The DbContext it writes to.</typeparam>
public interface IHandler<TMessage, in TContext>
{
    /// <summary>Handles one message.</summary>
    /// <param name="incoming">The message and its identity.</param>
    /// <param name="database">Bound to the transaction that holds the claim.</param>
    /// <param name="cancellationToken">The handler has had its time (<c>Inbox__HandlerTimeoutMilliseconds</c>). A process that stops lets it finish.</param>
    /// <returns>The outcome; an exception means "try again", and after the last attempt "park it".</returns>
    Task<Outcome> HandleAsync(Incoming<TMessage> incoming, TContext database, CancellationToken cancellationToken);
}
