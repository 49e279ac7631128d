namespace Messaging.Transactional;

/// <summary>What ends a batch besides the number of its items.</summary>
/// <param name="MaxBytes">Bytes of its items, the last of which may exceed them.</param>
/// <param name="BytesOf">Of one item.</param>
/// <param name="MaxDelay">How long a batch that is not full waits for more; zero: not at all.</param>
/// <param name="Time">Measures the delay.</param>
internal sealed record BatchBounds<T>(long MaxBytes, Func<T, long> BytesOf, TimeSpan MaxDelay, TimeProvider Time)
{
    public static BatchBounds<T> None { get; } = new(long.MaxValue, _ => 0, TimeSpan.Zero, TimeProvider.System);
}
