using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class InboxRetryDelayTests
{
    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 400)]
    [InlineData(4, 1_600)]
    [InlineData(9, 51_200)]
    [InlineData(10, 60_000)]
    [InlineData(99, 60_000)]
    public void The_pause_before_another_attempt_doubles_up_to_a_minute(int attempts, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), new InboxOptions().RetryDelay(attempts));
}
