namespace Messaging.Transactional;

/// <summary>Accepts requests under their idempotency keys, and tells what became of them.</summary>
public sealed class Submissions
{
    /// <summary>
    /// Commits a submission together with its outgoing message, or finds the one its key already stands for. Concurrent callers
    /// share a commit; each is answered after the commit that holds its own.
    /// </summary>
    /// <param name="submission">What to accept, if the key is new.</param>
    /// <param name="cancellationToken">Gives up waiting. The submission may have been committed all the same; the key finds it.</param>
    /// <exception cref="DatabaseUnavailableException">Nothing was stored, or (a commit whose answer was lost) the key finds it.</exception>
    public Task<SubmissionResult> SubmitAsync(Submission submission, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>The submission with this id and its outcome; null where there is none, or it is another client's or another operation's.</summary>
    /// <param name="client">Who asks.</param>
    /// <param name="operation">The operation it must belong to.</param>
    /// <param name="id">The id from the acceptance.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="DatabaseUnavailableException">The database did not answer.</exception>
    public Task<SubmissionStatus?> FindAsync(string client, string operation, Guid id, CancellationToken cancellationToken) => throw new NotImplementedException();
}
