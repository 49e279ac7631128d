using Messaging.Cli;

namespace Messaging.Unit;

public sealed class StormPlanTests
{
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    [Fact]
    public void The_same_seed_gives_the_same_plan()
    {
        var mix = Mix(FaultMix.Standard, "kill-consumer=10");

        Assert.Equal(StormPlan.Create(42, Length, mix, Every, 0.2).Faults, StormPlan.Create(42, Length, mix, Every, 0.2).Faults);
        Assert.NotEqual(StormPlan.Create(42, Length, mix, Every, 0.2).Faults, StormPlan.Create(43, Length, mix, Every, 0.2).Faults);
    }

    [Fact]
    public void Every_minimum_is_kept_even_where_it_takes_more_faults_than_there_is_time_for()
    {
        var plan = StormPlan.Create(1, TimeSpan.FromSeconds(20), Mix("replay=0", "kill-consumer=60,kill-publisher=60,replay=5"), Every, 0.2);

        Assert.Equal(60, plan.Faults.Count(f => f.Kind.Name == "kill-consumer"));
        Assert.Equal(60, plan.Faults.Count(f => f.Kind.Name == "kill-publisher"));
        Assert.Equal(5, plan.Faults.Count(f => f.Kind.Name == "replay"));
    }

    [Fact]
    public void A_fault_of_weight_zero_comes_only_as_often_as_it_must()
    {
        var plan = StormPlan.Create(1, Length, Mix("kill-consumer=1,replay=0", "replay=2"), Every, 0);

        Assert.Equal(2, plan.Faults.Count(f => f.Kind.Name == "replay"));
        Assert.Equal(60, plan.Faults.Count);
    }

    [Fact]
    public void Faults_come_in_order_within_the_storm_and_never_in_a_calm_window()
    {
        var plan = StormPlan.Create(9, Length, Mix(FaultMix.Standard, ""), TimeSpan.FromSeconds(1), 0.25);

        Assert.Equal(plan.Faults.OrderBy(f => f.At), plan.Faults);
        Assert.All(plan.Faults, f => Assert.InRange(f.At, TimeSpan.Zero, Length));
        // Five turns of a minute, the last quarter of each calm.
        Assert.All(plan.Faults, f => Assert.InRange(f.At.TotalSeconds % 60, 0, 45));
    }

    [Fact]
    public void The_shortest_storm_has_a_fault() => Assert.Single(StormPlan.Create(1, TimeSpan.FromSeconds(5), Mix(FaultMix.Standard, ""), TimeSpan.FromSeconds(6), 0.2).Faults);

    [Theory]
    [InlineData("", "")]
    [InlineData("kill-consumer=0,replay=0", "replay=0")]
    public void A_mix_that_leaves_nothing_to_do_is_refused(string weights, string minimums)
    {
        var errors = new List<string>();
        FaultMix.Parse(weights, minimums, [], errors.Add);

        Assert.StartsWith("--faults leaves no fault to do", Assert.Single(errors), StringComparison.Ordinal);
    }

    private static FaultMix Mix(string weights, string minimums) => FaultMix.Parse(weights, minimums, [], error => Assert.Fail(error));
}
