namespace Messaging.Transactional;

/// <summary>
/// Stands in for an operation whose handler must not meet a message again. The claim is judged as ever: a message that has taken effect is a
/// duplicate, and for one whose commit is still on its way the claim waits. Only a message that has neither, and so never will, is refused.
/// </summary>
internal sealed class RefusedOperation(Operation operation, Exception why) : Operation(operation.Name)
{
    public Exception Why => why;

    public override object Read(ReadOnlyMemory<byte> json, bool foreign, ScopedKey key, Fingerprint fingerprint, DateTimeOffset acceptedAt) =>
        operation.Read(json, foreign, key, fingerprint, acceptedAt);

    public override Task<IReadOnlyList<Handled>> HandleAsync(IReadOnlyList<Candidate> candidates, object database, IServiceProvider services, HandlerLimit limit) =>
        throw new RefusedException(why);
}

/// <summary>The message is to be parked, for what happened before. That is no inner exception: whoever classifies this one would take it for what failed now.</summary>
internal sealed class RefusedException(Exception why) : Exception("The message was not run again.")
{
    public Exception Why => why;
}

/// <summary>Why a message is parked without being run.</summary>
internal sealed class FatalMessageException(long attempts) : Exception(
    $"Its process died in each of the {attempts} attempts in which this message ran alone (Inbox__MaxFatalAttempts); it was not run again. "
    + "What the process said last is in its own log.");
