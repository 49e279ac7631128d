namespace Messaging.Transactional;

/// <summary>
/// Stands in for an operation whose handler must not meet a message again. The claim is judged as ever, so that a message which has
/// taken effect is a duplicate; one that has not is refused.
/// </summary>
internal sealed class FatalOperation(Operation operation, long attempts) : Operation(operation.Name)
{
    public override object Read(ReadOnlyMemory<byte> json, bool foreign, ScopedKey key, Fingerprint fingerprint, DateTimeOffset acceptedAt) =>
        operation.Read(json, foreign, key, fingerprint, acceptedAt);

    public override Task<IReadOnlyList<Handled>> HandleAsync(IReadOnlyList<Candidate> candidates, object database, IServiceProvider services, HandlerLimit limit) =>
        throw new FatalMessageException(attempts);
}

/// <summary>The message is parked without being run.</summary>
internal sealed class FatalMessageException(long attempts) : Exception(
    $"Its process died in each of the {attempts} attempts in which this message ran alone (Inbox__MaxFatalAttempts); it was not run again. "
    + "What the process said last is in its own log.");
