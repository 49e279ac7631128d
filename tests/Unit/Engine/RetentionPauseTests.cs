using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class RetentionPauseTests
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(10, 150)]
    [InlineData(50, 750)]
    [InlineData(30_000, 60_000)]
    public void Retention_rests_fifteen_times_as_long_as_it_worked_a_little_at_least_and_a_minute_at_most(int tookMilliseconds, int pauseMilliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(pauseMilliseconds), new RetentionOptions().PauseAfter(TimeSpan.FromMilliseconds(tookMilliseconds)));

    [Fact]
    public void It_rests_not_at_all_where_somebody_says_so() =>
        Assert.Equal(TimeSpan.Zero, new RetentionOptions { PauseMilliseconds = 0 }.PauseAfter(TimeSpan.FromSeconds(1)));
}
