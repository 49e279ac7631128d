using Messaging.Cli;

namespace Messaging.Unit;

/// <summary>Faults that are commands of the user's: whatever becomes of the first one, the second heals.</summary>
public sealed class StormCommandTests
{
    [Fact]
    public async Task What_an_injection_broke_before_it_failed_is_healed_and_the_fault_counts_as_failed()
    {
        var folder = Directory.CreateTempSubdirectory();
        var file = Path.Combine(folder.FullName, "broken");

        var storm = await RunAsync($"x=touch {file}; exit 3;; rm {file}");

        Assert.Empty(folder.EnumerateFiles());
        folder.Delete();
        Assert.Contains("exited with 3", Assert.Single(storm.Injected).Error, StringComparison.Ordinal);
        Assert.Empty(storm.Unhealed);
    }

    [Fact]
    public async Task A_heal_command_that_fails_is_told_beside_the_reason_why_the_injection_failed()
    {
        var storm = await RunAsync("x=exit 3;; exit 4");

        Assert.Contains("exited with 3", Assert.Single(storm.Injected).Error, StringComparison.Ordinal);
        Assert.Contains("x was not healed: ", Assert.Single(storm.Unhealed), StringComparison.Ordinal);
        Assert.Contains("exited with 4", Assert.Single(storm.Unhealed), StringComparison.Ordinal);
    }

    /// <summary>Names with one first word harm one thing, one after the other: what the last of them healed is well.</summary>
    [Fact]
    public async Task What_a_later_heal_command_of_the_same_thing_has_mended_is_healed()
    {
        Assert.Empty((await RunAsync("broker-stop=true;; exit 4", "broker-kill=true;; true")).Unhealed);
        Assert.Single((await RunAsync("broker-stop=true;; true", "broker-kill=true;; exit 4")).Unhealed);
        Assert.Single((await RunAsync("broker-stop=true;; exit 4", "database-stop=true;; true")).Unhealed);
    }

    private static async Task<Storm> RunAsync(params string[] commands)
    {
        var storm = new Storm(new UrlsTarget([]), load: null!, database: null, () => TimeSpan.Zero, _ => { }, CancellationToken.None);
        var faults = commands.Select(text => new PlannedFault(TimeSpan.Zero, FaultKind.ParseCommand(text)!, Victim: 0, Hold: TimeSpan.Zero)).ToList();
        await storm.RunAsync(new StormPlan(faults), TestContext.Current.CancellationToken);
        return storm;
    }
}
