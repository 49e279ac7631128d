using Messaging.Publisher;

namespace Messaging.Unit;

public sealed class TokenBucketTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void A_burst_passes_and_then_so_many_per_second()
    {
        var bucket = new TokenBucket(perSecond: 2, burst: 3, _clock);
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake(out _)));
        Assert.False(bucket.TryTake(out var retryAfterSeconds));
        Assert.Equal(1, retryAfterSeconds);
        _clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => bucket.TryTake(out _)));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.True(bucket.IsFull());
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake(out _)));
    }

    [Fact]
    public void What_is_put_back_can_be_taken_again_but_never_more_than_the_burst()
    {
        var bucket = new TokenBucket(perSecond: 1, burst: 1, _clock);
        Assert.True(bucket.TryTake(out _));
        bucket.PutBack();
        bucket.PutBack();
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => bucket.TryTake(out _)));
    }

    [Fact]
    public void Each_client_has_a_bucket_of_its_own()
    {
        var buckets = new ClientBuckets(perSecond: 1, burst: 1, _clock);
        Assert.True(buckets.Of("a").TryTake(out _));
        Assert.False(buckets.Of("a").TryTake(out _));
        Assert.True(buckets.Of("b").TryTake(out _));
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }
}
