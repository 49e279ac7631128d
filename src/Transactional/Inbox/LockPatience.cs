namespace Messaging.Transactional;

/// <summary>
/// How long one batch waits for locks that others hold, over all the transactions that it takes until each message is settled or put off.
/// The holder may be frozen, with many keys and rows: the first that is met is waited for, the others are hardly. So it is with refusals of a
/// database that is there.
/// </summary>
internal sealed class LockPatience
{
    private const int FullMilliseconds = 2_000;
    private const int BriefMilliseconds = 10;
    private const int HeldGroupMilliseconds = 250;
    private const int FirstRefusals = 3;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    private bool _isSpent;
    private bool _isRefused;

    /// <summary>How long each lock of the next transaction is waited for.</summary>
    public int Milliseconds => _isSpent ? BriefMilliseconds : FullMilliseconds;

    /// <summary>The same for messages that come back together: while they wait for one lock they hold others, which somebody else may need.</summary>
    public int OfHeldGroup => Math.Min(HeldGroupMilliseconds, Milliseconds);

    /// <summary>How often the next transaction may meet <see cref="DatabaseFault.Unavailable"/> of a database that answers.</summary>
    public int MaxRefusals => _isRefused ? 1 : FirstRefusals;

    /// <summary>A transaction has ended with this fault, and has waited for its end for as long as it might.</summary>
    public void Spend(DatabaseFault fault)
    {
        _isSpent |= fault == DatabaseFault.LockTimeout;
        _isRefused |= fault == DatabaseFault.Unavailable;
    }

    /// <summary>When a message is tried again that has been held up so many times: after one second, two, four, thirty at most.</summary>
    public static TimeSpan RetryAfter(int timeouts) =>
        TimeSpan.FromSeconds(Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, timeouts - 1)));
}
