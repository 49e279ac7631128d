using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class LockPatienceTests
{
    [Fact]
    public void The_first_lock_is_waited_for_the_others_hardly()
    {
        var patience = new LockPatience();
        Assert.Equal(2_000, patience.Milliseconds);

        patience.Spend(DatabaseFault.LockTimeout);
        patience.Spend(DatabaseFault.LockTimeout);

        Assert.Equal(10, patience.Milliseconds);
        Assert.Equal(3, patience.MaxRefusals);
    }

    [Fact]
    public void The_first_to_be_refused_is_refused_three_times_the_others_once()
    {
        var patience = new LockPatience();
        Assert.Equal(3, patience.MaxRefusals);

        patience.Spend(DatabaseFault.Unavailable);

        Assert.Equal(1, patience.MaxRefusals);
        Assert.Equal(2_000, patience.Milliseconds);
    }

    /// <summary>A process may stay frozen for days.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 16)]
    [InlineData(6, 30)]
    [InlineData(100, 30)]
    [InlineData(int.MaxValue, 30)]
    public void A_message_is_tried_again_later_each_time_but_within_half_a_minute(int timeouts, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), LockPatience.RetryAfter(timeouts));
}
