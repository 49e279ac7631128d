using Messaging.Publisher;

namespace Messaging.Unit;

public sealed class BacklogTests
{
    [Theory]
    [InlineData(0, 2_000), InlineData(100, 2_000), InlineData(1_500, 30_000)]
    public void What_takes_long_to_count_is_counted_less_often(int countingMilliseconds, int pauseMilliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(pauseMilliseconds), Backlog.PauseAfter(TimeSpan.FromMilliseconds(countingMilliseconds)));
}
