namespace Messaging.Publisher;

/// <summary>Lets so many through per second, and a burst of so many at once. One taken may be put back.</summary>
internal sealed class TokenBucket(int perSecond, int burst, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private double _tokens = burst;
    private long _filledAt = clock.GetTimestamp();

    /// <summary>Takes one; if none is there, says when one will be.</summary>
    public bool TryTake(out int retryAfterSeconds)
    {
        lock (_lock)
        {
            Fill();
            retryAfterSeconds = _tokens >= 1 ? 0 : (int)Math.Ceiling((1 - _tokens) / perSecond);
            _tokens -= _tokens >= 1 ? 1 : 0;
            return retryAfterSeconds == 0;
        }
    }

    public void PutBack()
    {
        lock (_lock)
        {
            _tokens = Math.Min(burst, _tokens + 1);
        }
    }

    /// <summary>A full bucket remembers nothing and can be made anew.</summary>
    public bool IsFull()
    {
        lock (_lock)
        {
            Fill();
            return _tokens >= burst;
        }
    }

    private void Fill()
    {
        var now = clock.GetTimestamp();
        _tokens = Math.Min(burst, _tokens + (clock.GetElapsedTime(_filledAt, now).TotalSeconds * perSecond));
        _filledAt = now;
    }
}

/// <summary>One bucket per client.</summary>
internal sealed class ClientBuckets(int perSecond, int burst, TimeProvider clock)
{
    /// <summary>Beyond so many, full ones are let go: clients with tokens are not counted beforehand.</summary>
    private const int MaxKept = 10_000;

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, TokenBucket> _buckets = new(StringComparer.Ordinal);

    public TokenBucket Of(string client)
    {
        if (_buckets.TryGetValue(client, out var bucket))
        {
            return bucket;
        }

        if (_buckets.Count >= MaxKept)
        {
            foreach (var (id, other) in _buckets)
            {
                if (other.IsFull())
                {
                    _buckets.TryRemove(id, out _);
                }
            }
        }

        return _buckets.GetOrAdd(client, _ => new TokenBucket(perSecond, burst, clock));
    }
}
