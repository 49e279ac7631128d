using Messaging.Cli;

namespace Messaging.Unit;

public sealed class OwnTargetTests
{
    [Fact]
    public void A_process_of_the_storm_has_no_limits_unless_the_user_gives_it_some()
    {
        var environment = OwnTarget.EnvironmentOf(
            new Dictionary<string, string> { ["Reconcile__IntervalSeconds"] = "10", ["Own"] = "1" },
            new Dictionary<string, string> { ["Limits__RequestBurst"] = "5", ["Own"] = "2" });

        Assert.Equal("1000000", environment["Limits__RequestsPerSecond"]);
        Assert.Equal(("5", "10", "2"), (environment["Limits__RequestBurst"], environment["Reconcile__IntervalSeconds"], environment["Own"]));
    }
}
