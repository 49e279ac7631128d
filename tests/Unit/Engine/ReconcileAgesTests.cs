using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>At which ages a submission without an outcome is published again.</summary>
public sealed class ReconcileAgesTests
{
    [Fact]
    public void They_double_until_they_are_a_day_apart_and_end_past_the_horizon()
    {
        var ages = Of(olderThanSeconds: 300, hours: 72);

        Assert.Equal(
            ["00:05:00", "00:10:00", "00:20:00", "00:40:00", "01:20:00", "02:40:00", "05:20:00", "10:40:00", "21:20:00", "1.18:40:00", "2.18:40:00", "2.23:00:00", "3.18:40:00", "4.18:40:00", "5.18:40:00"],
            ages.Select(age => age.ToString()));
    }

    /// <summary>What is found past the horizon is parked; so there is a last call before it, whatever the settings.</summary>
    [Theory]
    [InlineData(0, 24), InlineData(300, 168), InlineData(86_400, 24), InlineData(86_400, 87_840), InlineData(82_800, 24)]
    public void A_lost_message_is_found_within_a_day_and_an_hour_before_it_would_be_too_late(int olderThanSeconds, int hours)
    {
        var ages = Of(olderThanSeconds, hours);

        Assert.Contains(TimeSpan.FromHours(hours - 1), ages);
        Assert.Contains(ages, age => age >= TimeSpan.FromHours(hours));
        Assert.All(ages.Zip(ages.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, TimeSpan.Zero, TimeSpan.FromDays(1) + TimeSpan.FromHours(1)));
    }

    private static List<TimeSpan> Of(int olderThanSeconds, int hours) =>
        [.. Reconciler.Ages(new ReconcileOptions { OlderThanSeconds = olderThanSeconds }, new RetentionOptions { Hours = hours }).Order()];
}
