using Messaging.Cli;

namespace Messaging.Unit;

public sealed class PaceTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Unpaced_every_request_is_due_at_once_also_for_who_waits_for_a_paced_moment()
    {
        var pace = new Pace(0.001, TimeProvider.System);
        await pace.NextAsync(CancellationToken.None);
        var waiting = pace.NextAsync(CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);

        pace.Change(Tempo.Unpaced);

        await waiting.WaitAsync(Limit, TestContext.Current.CancellationToken);
        Assert.True(pace.NextAsync(CancellationToken.None).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Paused_nothing_is_due_until_it_goes_on()
    {
        var pace = new Pace(0, TimeProvider.System);
        Assert.True(pace.NextAsync(CancellationToken.None).AsTask().IsCompleted);
        pace.Change(Tempo.Paused);
        var waiting = pace.NextAsync(CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);

        pace.Change(Tempo.Paced);

        await waiting.WaitAsync(Limit, TestContext.Current.CancellationToken);
    }
}
