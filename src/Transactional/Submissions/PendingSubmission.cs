using System.Diagnostics;

namespace Messaging.Transactional;

/// <summary>A submission whose caller waits for the commit that holds it.</summary>
internal sealed class PendingSubmission(Submission submission, Guid digest, CancellationToken cancellationToken)
{
    private readonly long _since = Stopwatch.GetTimestamp();
    private volatile bool _abandoned;

    public Submission Submission => submission;

    public Guid Digest => digest;

    /// <summary>Since it was handed in.</summary>
    public int WaitedMilliseconds => (int)Stopwatch.GetElapsedTime(_since).TotalMilliseconds;

    public TaskCompletionSource<SubmissionResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Nobody waits any more, and the work has not begun: it must not begin.</summary>
    public bool IsAbandoned => _abandoned || cancellationToken.IsCancellationRequested;

    public void Abandon() => _abandoned = true;
}
