using Messaging.Cli;

namespace Messaging.Unit;

public sealed class StatusLineTests
{
    private static readonly Sample Last = new(At: 60, Submitted: 100, Answered: 90, Keys: 70, Replays: 20, Effects: 50, Waiting: 20, Outgoing: 0, Parked: 0);

    private static readonly StormStatus Status = new("before", 0.5, TimeSpan.FromSeconds(60), [], 1, 8, [Last with { At = 50, Answered = 40 }, Last]);

    [Fact]
    public void Says_how_it_stands() =>
        Assert.Equal(" 50 %  before: 100 submitted, 70 keys accepted, 50 effects, 20 replays, 0 parked, 20 waiting, 5/s, 1 of 8 faults", StatusLine.Of(Status));

    /// <summary>In a window in which throughput is measured; otherwise effects that stand still look like consumers that do.</summary>
    [Fact]
    public void Says_when_the_database_was_counted_if_that_was_earlier() =>
        Assert.Contains("20 waiting (database as of 48 s), 5/s", StatusLine.Of(Status with { CountedAt = 48.4 }), StringComparison.Ordinal);
}
