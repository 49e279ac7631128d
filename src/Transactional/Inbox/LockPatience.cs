namespace Messaging.Transactional;

/// <summary>
/// How long one batch waits for locks that others hold, over all the transactions that it takes until each message is settled or put off.
/// The holder may be frozen, with many keys and rows: the first that is met is waited for, the others are hardly.
/// </summary>
internal sealed class LockPatience
{
    private const int FullMilliseconds = 2_000;
    private const int BriefMilliseconds = 10;
    private const int HeldGroupMilliseconds = 250;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    private bool _isSpent;

    /// <summary>How long each lock of the next transaction is waited for.</summary>
    public int Milliseconds => _isSpent ? BriefMilliseconds : FullMilliseconds;

    /// <summary>The same for messages that come back together: while they wait for one lock they hold others, which somebody else may need.</summary>
    public int OfHeldGroup => Math.Min(HeldGroupMilliseconds, Milliseconds);

    public void Spend() => _isSpent = true;

    /// <summary>When a message is tried again that has met a lock so many times: after one second, two, four, thirty at most.</summary>
    public static TimeSpan RetryAfter(int timeouts) =>
        TimeSpan.FromSeconds(Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, timeouts - 1)));
}
