using System.Diagnostics;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Messaging.Publisher;

/// <summary>Hands a checked request to the engine, and says in HTTP what became of it.</summary>
internal sealed class SubmissionAnswers(Submissions submissions)
{
    /// <summary>How long a 409 asks the caller to wait: the other request is committing this very moment.</summary>
    private const int InFlightRetryAfterSeconds = 1;

    /// <summary>Accepts a submission, or finds what its key already stands for.</summary>
    /// <param name="submission">Checked; its effect has not happened.</param>
    /// <param name="path">Of the collection: the status is at <c>path/id</c>.</param>
    /// <param name="key">As the caller sent it.</param>
    /// <param name="cancellationToken">The caller is gone.</param>
    public async Task<Results<Acceptance, Problem>> SubmitAsync(Submission submission, string path, IdempotencyKey key, CancellationToken cancellationToken)
    {
        var result = await submissions.SubmitAsync(submission with { TraceParent = Activity.Current?.Id }, cancellationToken);
        return result.Outcome switch
        {
            SubmissionOutcome.Accepted => new Acceptance($"{path}/{result.Id}", result.Acceptance, key, Replayed: false),
            SubmissionOutcome.Replayed => new Acceptance($"{path}/{result.Id}", result.Acceptance, key, Replayed: true),
            SubmissionOutcome.KeyReused => new Problem(ProblemType.KeyReused, ProblemType.KeyReused.Mend),
            SubmissionOutcome.InFlight => new Problem(ProblemType.KeyInFlight, ProblemType.KeyInFlight.Mend) { RetryAfterSeconds = InFlightRetryAfterSeconds },
            _ => throw new UnreachableException($"The engine answered {result.Outcome}."),
        };
    }

    /// <summary>The status of one submission. An id that is none, is unknown, or is another client's: one and the same answer.</summary>
    public async Task<Results<StatusAnswer, Problem>> FindAsync(string client, string operation, string id, CancellationToken cancellationToken) =>
        Guid.TryParseExact(id, "D", out var parsed)
        && await submissions.FindAsync(client, operation, parsed, cancellationToken) is { } status
            ? new StatusAnswer(status)
            : ProblemAnswers.NothingHere;
}
