using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>At which ages a submission without an outcome is published again.</summary>
public sealed class ReconcileAgesTests
{
    [Fact]
    public void They_double_until_they_are_a_seventh_of_the_horizon_apart_and_double_again_past_it() => Assert.Equal(
        ["00:05:00", "00:10:00", "00:20:00", "00:40:00", "01:20:00", "02:40:00", "05:20:00", "10:40:00", "21:20:00",
         "1.18:40:00", "2.18:40:00", "3.18:40:00", "4.18:40:00", "5.18:40:00", "6.18:40:00", "6.23:00:00", "7.18:40:00"],
        Of(300, 168).Select(age => age.ToString()));

    /// <summary>What is found past the horizon is parked; so there is a last call before it, whatever the first age.</summary>
    [Theory]
    [InlineData(0, 24), InlineData(300, 168), InlineData(86_400, 24), InlineData(86_400, 87_840), InlineData(82_800, 24)]
    public void A_lost_message_is_looked_for_seven_times_an_hour_before_it_is_too_late_and_past_that(int olderThanSeconds, int hours)
    {
        var ages = Of(olderThanSeconds, hours);
        var horizon = TimeSpan.FromHours(hours);

        Assert.Contains(horizon - TimeSpan.FromHours(1), ages);
        Assert.Contains(ages, age => age >= horizon);
        var within = ages.Where(age => age <= horizon).ToList();
        Assert.All(within.Zip(within.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, TimeSpan.Zero, horizon / 7));
        Assert.InRange(ages.Count, 3, 40);
    }

    [Theory]
    [InlineData(3_600, 168, 166), InlineData(21_600, 168, 156), InlineData(86_400, 24, 12)]
    public void Where_turns_are_far_apart_the_last_call_is_two_of_them_before_the_horizon(int intervalSeconds, int hours, int expectedHours) =>
        Assert.Contains(TimeSpan.FromHours(expectedHours), Of(300, hours, intervalSeconds));

    private static List<TimeSpan> Of(int olderThanSeconds, int hours, int intervalSeconds = 60) =>
        [.. Reconciler.Ages(new ReconcileOptions { OlderThanSeconds = olderThanSeconds, IntervalSeconds = intervalSeconds }, new RetentionOptions { Hours = hours }).Order()];
}
