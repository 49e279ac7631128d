using System.Diagnostics;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Hands a checked request to the engine, and says in HTTP what became of it.</summary>
internal sealed class SubmissionAnswers(
    Submissions submissions, Admission admission, OutcomeWatcher watcher, IOptions<WaitingOptions> waiting)
{
    /// <summary>How long a 409 asks the caller to wait: the other request is committing this very moment.</summary>
    private const int InFlightRetryAfterSeconds = 1;

    /// <summary>Accepts a submission, or finds what its key already stands for; then waits for the outcome, if the caller prefers that.</summary>
    /// <param name="http">The request.</param>
    /// <param name="submission">Checked; its effect has not happened.</param>
    /// <param name="path">Of the collection: the status is at <c>path/id</c>.</param>
    /// <param name="key">As the caller sent it.</param>
    /// <param name="cancellationToken">The caller is gone.</param>
    public async Task<Results<Acceptance, StatusAnswer, Problem>> SubmitAsync(
        HttpContext http, Submission submission, string path, IdempotencyKey key, CancellationToken cancellationToken)
    {
        var (result, refusal) = await admission.SubmitAsync(submission with { TraceParent = Trace }, cancellationToken);
        if (refusal is not null)
        {
            return refusal;
        }

        switch (result.Outcome)
        {
            case SubmissionOutcome.KeyReused:
                return new Problem(ProblemType.KeyReused, ProblemType.KeyReused.Mend);
            case SubmissionOutcome.InFlight:
                return new Problem(ProblemType.KeyInFlight, ProblemType.KeyInFlight.Mend) { RetryAfterSeconds = InFlightRetryAfterSeconds };
        }

        var acceptance = new Acceptance($"{path}/{result.Id}", result.Acceptance, key, Replayed: result.Outcome == SubmissionOutcome.Replayed);
        return WaitSeconds(http) is { } seconds && await WaitAsync(result.Id, SubmissionState.Accepted, seconds, cancellationToken) is { } final
            ? new StatusAnswer(final) { Submitted = acceptance, WaitedSeconds = seconds }
            : acceptance;
    }

    /// <summary>The status of one submission, after a wait for its outcome if the caller prefers that.</summary>
    public async Task<Results<StatusAnswer, Problem>> FindAsync(HttpContext http, string operation, string id, CancellationToken cancellationToken)
    {
        if (await OwnAsync(http, operation, id, cancellationToken) is not { } status)
        {
            return ProblemAnswers.NothingHere;
        }

        if (WaitSeconds(http) is not { } seconds)
        {
            return new StatusAnswer(status);
        }

        var changed = status.State == SubmissionState.Completed ? null : await WaitAsync(status.Id, status.State, seconds, cancellationToken);
        return new StatusAnswer(changed ?? status) { WaitedSeconds = seconds };
    }

    /// <summary>The events of one submission.</summary>
    public async Task<Results<EventStream, Problem>> FollowAsync(HttpContext http, string operation, string id, CancellationToken cancellationToken)
    {
        if (await OwnAsync(http, operation, id, cancellationToken) is not { } status)
        {
            return ProblemAnswers.NothingHere;
        }

        return status.State == SubmissionState.Completed || watcher.HasRoom
            ? new EventStream(status)
            : new Problem(ProblemType.TooManyWaiting, ProblemType.TooManyWaiting.Mend) { RetryAfterSeconds = 5 };
    }

    /// <summary>An id that is none, is unknown, or is another client's: null for all three, and one answer.</summary>
    private async Task<SubmissionStatus?> OwnAsync(HttpContext http, string operation, string id, CancellationToken cancellationToken) =>
        Guid.TryParseExact(id, "D", out var parsed) ? await submissions.FindAsync(http.ClientId(), operation, parsed, cancellationToken) : null;

    /// <summary>
    /// The trace this request belongs to, if it is recorded here or its caller began one. A span that nobody records is no parent: whoever
    /// records further on would take it to mean that this trace is not wanted.
    /// </summary>
    private static string? Trace => Activity.Current is { } span && (span.Recorded || span.ParentId is not null) ? span.Id : null;

    private int? WaitSeconds(HttpContext http) => Preference.WaitSeconds(http.Request.Headers["Prefer"], waiting.Value.MaxWaitSeconds);

    /// <summary>Null if there is nothing to report yet. A parked submission waits for an operator: nobody waits for that here.</summary>
    private async Task<SubmissionStatus?> WaitAsync(Guid id, SubmissionState known, int seconds, CancellationToken cancellationToken) =>
        await watcher.WaitAsync(id, known, TimeSpan.FromSeconds(seconds), cancellationToken) is { State: SubmissionState.Completed } final ? final : null;
}
