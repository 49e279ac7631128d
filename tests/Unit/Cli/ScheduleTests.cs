using Messaging.Cli;

namespace Messaging.Unit;

public sealed class ScheduleTests
{
    [Fact]
    public void The_same_seed_gives_the_same_order()
    {
        var first = Take(new Schedule(7, 0.3, 0.01), 5_000);

        Assert.Equal(first, Take(new Schedule(7, 0.3, 0.01), 5_000));
        Assert.NotEqual(first, Take(new Schedule(8, 0.3, 0.01), 5_000));
    }

    [Theory]
    [InlineData(0.3, 0.01)]
    [InlineData(0.333, 0.005)]
    [InlineData(0.95, 0)]
    public void Any_two_stretches_hold_the_share_of_duplicates_that_was_asked_for(double duplicates, double conflicts)
    {
        var requests = Take(new Schedule(1, duplicates, conflicts), 20_000);

        foreach (var stretch in requests.Skip(1_000).Chunk(1_000))
        {
            Assert.InRange(stretch.Count(r => r.Kind == RequestKind.Repeat), (duplicates * stretch.Length) - 60, (duplicates * stretch.Length) + 60);
        }

        Assert.InRange(requests.Count(r => r.Kind == RequestKind.Conflict), (int)(conflicts * 20_000) - 2, (int)(conflicts * 20_000) + 2);
    }

    [Fact]
    public void Only_keys_that_were_sent_are_repeated_some_soon_and_some_much_later()
    {
        var sent = 0;
        List<int> distances = [];
        foreach (var request in Take(new Schedule(3, 0.3, 0), 10_000))
        {
            if (request.Kind == RequestKind.New)
            {
                Assert.Equal(sent++, request.Key);
                continue;
            }

            Assert.InRange(request.Key, 0, sent - 1);
            distances.Add(sent - request.Key);
        }

        Assert.Contains(distances, d => d <= 3);
        Assert.Contains(distances, d => d > 3_000);
    }

    [Fact]
    public void It_ends_when_all_keys_have_been_sent()
    {
        var schedule = new Schedule(5, 0.3, 0, keys: 50);
        var keys = new HashSet<int>();
        while (schedule.Next() is { } request)
        {
            keys.Add(request.Key);
        }

        Assert.Equal(Enumerable.Range(0, 50), keys.Order());
    }

    private static List<PlannedRequest> Take(Schedule schedule, int count) => [.. Enumerable.Range(0, count).Select(_ => schedule.Next()!.Value)];
}
