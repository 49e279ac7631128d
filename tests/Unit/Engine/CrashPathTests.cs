using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>Where an armed process strikes, and how often.</summary>
public sealed class CrashPathTests
{
    [Theory]
    [InlineData("P1", "P2 P1 P1", 2)]
    [InlineData("C2@3", "C2@1 C2@2 C2@4 C2@5", 3)]
    [InlineData("C3@=2 C3@=2", "C3@1 C3@2 C3@3 C3@4 C3@2 C3@2", 5)]
    [InlineData("D2@2 D4 D4", "D4 D2@1 D4 D2@3 D4 D3 D4 D4", 7)]
    [InlineData("C3=k", "C3 C3=j C4=k C3=k C3=k", 4)]
    [InlineData("P1", "P2 P3", 0)]
    public void It_strikes_once_at_the_end_of_its_path(string path, string passed, int strikesAt)
    {
        var strikes = new List<int>();
        var reached = 0;
        var armed = new CrashPath(path, () => strikes.Add(reached));

        foreach (var point in passed.Split(' '))
        {
            reached++;
            var parts = point.Split('@', '=');
            if (point.Contains('=', StringComparison.Ordinal))
            {
                armed.Reach(parts[0], 1, parts[1]);
            }
            else
            {
                armed.Reach(parts[0], parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1);
            }
        }

        Assert.Equal(strikesAt == 0 ? [] : [strikesAt], strikes);
        Assert.Equal(strikesAt > 0, armed.HasStruck);
    }

    [Fact]
    public async Task Arming_reaches_what_is_started_from_there_and_nothing_beside_it()
    {
        var struck = 0;
        await Task.Run(() =>
        {
            CrashPoint.Arm(new CrashPath("X", () => struck++));
            return Task.Run(() => CrashPoint.Reach("X"));
        }, TestContext.Current.CancellationToken);

        CrashPoint.Reach("X");

        Assert.Equal(1, struck);
    }

    [Fact]
    public async Task Within_a_commit_it_strikes_while_the_commit_is_under_way_and_lets_it_end()
    {
        var commit = new TaskCompletionSource();
        var wasUnderWay = false;

        var reached = await Task.Run(() =>
        {
            CrashPoint.Arm(new CrashPath("X", () =>
            {
                wasUnderWay = !commit.Task.IsCompleted;
                throw new TimeoutException("struck");
            }));
            return Task.FromResult(CrashPoint.ReachWithinAsync("X", commit.Task, 1));
        }, TestContext.Current.CancellationToken);

        Assert.True(wasUnderWay);
        Assert.False(reached.IsCompleted);
        commit.SetResult();
        await Assert.ThrowsAsync<TimeoutException>(() => reached);
    }
}
