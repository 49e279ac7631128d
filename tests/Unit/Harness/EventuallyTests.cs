using Messaging.Services;
using Xunit.Sdk;

namespace Messaging.Unit;

public sealed class EventuallyTests
{
    [Fact]
    public async Task A_fact_that_comes_true_later_is_waited_for()
    {
        var observations = 0;

        await Eventually.Equal(3, () => Task.FromResult(++observations));

        Assert.Equal(3, observations);
    }

    [Fact]
    public async Task An_observation_that_throws_counts_as_not_yet()
    {
        var attempts = 0;

        await Eventually.Succeeds(() => ++attempts < 3 ? throw new IOException("still starting") : Task.CompletedTask);

        Assert.Equal(3, attempts);
    }

    [Fact]
    public async Task When_the_limit_runs_out_the_last_value_seen_is_reported()
    {
        var failure = await Assert.ThrowsAsync<FailException>(
            () => Eventually.Equal(10, () => Task.FromResult(7), TimeSpan.FromMilliseconds(50), "effects"));

        Assert.Contains("effects to be 10", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Last seen: 7", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_limit_runs_out_the_last_error_seen_is_reported()
    {
        var failure = await Assert.ThrowsAsync<FailException>(
            () => Eventually.Succeeds(() => throw new IOException("connection refused"), TimeSpan.FromMilliseconds(50)));

        Assert.Contains("IOException: connection refused", failure.Message, StringComparison.Ordinal);
    }
}
