using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// Bounds what is taken in: new keys per client, and the messages that wait for the broker. (The engine bounds how many requests
/// wait for their commit, and how long.) What is more is turned away with Retry-After instead of being held.
/// </summary>
internal sealed class Admission(Submissions submissions, Backlog backlog, IOptions<LimitsOptions> limits, TimeProvider clock)
{
    private const int OverloadedRetryAfterSeconds = 5;

    private readonly ClientBuckets _newKeys = new(limits.Value.NewKeysPerSecond, limits.Value.NewKeyBurst, clock);

    public async Task<(SubmissionResult Result, Problem? Refusal)> SubmitAsync(Submission submission, CancellationToken cancellationToken)
    {
        if (backlog.IsTooLong)
        {
            return (default, new Problem(ProblemType.Overloaded, "Too many accepted submissions wait to be processed.") { RetryAfterSeconds = OverloadedRetryAfterSeconds });
        }

        var bucket = _newKeys.Of(submission.Key.Client);
        if (!bucket.TryTake(out var retryAfterSeconds))
        {
            var detail = $"This client may submit {limits.Value.NewKeysPerSecond} new keys a second.";
            return (default, new Problem(ProblemType.TooManyNewKeys, detail) { RetryAfterSeconds = retryAfterSeconds });
        }

        var accepted = false;
        try
        {
            var result = await submissions.SubmitAsync(submission, cancellationToken);
            accepted = result.Outcome == SubmissionOutcome.Accepted;
            return (result, null);
        }
        finally
        {
            if (!accepted)
            {
                bucket.PutBack(); // Only new keys count.
            }
        }
    }
}
