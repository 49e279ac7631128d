using Messaging.Cli;

namespace Messaging.Unit;

public sealed class VerdictTests
{
    private static readonly InvariantResult Good = InvariantResult.Of("I1", "no loss", "0 lost");
    private static readonly FaultCount Kills = new("kill-consumer", 1, 0, 3, 0);

    [Fact]
    public void All_that_was_promised_done_and_all_invariants_holding_is_good()
    {
        var verdict = Verdict.Of([Good], [new FaultCount("kill-consumer", 1, 3, 3, 0)], [], "10 keys", keys: 10, keysWanted: 10, interrupted: false);

        Assert.Equal((Judgement.Good, 0, 0), (verdict.Judgement, verdict.ExitCode, verdict.Reasons.Count));
    }

    [Fact]
    public void One_violated_invariant_outweighs_everything()
    {
        var verdict = Verdict.Of([Good, InvariantResult.Of("I2", "no double", "1 key", "a/b")], [], [], null, 0, 5, interrupted: true);

        Assert.Equal((Judgement.Violated, 1), (verdict.Judgement, verdict.ExitCode));
        Assert.Contains("I2", verdict.Reasons[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 10, false)]
    [InlineData(3, 9, false)]
    [InlineData(3, 10, true)]
    public void A_promise_that_was_not_kept_is_incomplete(int kills, int keys, bool interrupted)
    {
        var verdict = Verdict.Of([Good], [new FaultCount("kill-consumer", 1, 3, kills, 1)], [], null, keys, 10, interrupted);

        Assert.Equal((Judgement.Incomplete, 2), (verdict.Judgement, verdict.ExitCode));
        Assert.Single(verdict.Reasons);
    }

    [Theory]
    [InlineData(139, false, "consumer-2 exited with 139 by itself")]
    [InlineData(1, true, "consumer-2 exited with 1 after SIGTERM")]
    public void A_service_that_ended_as_nobody_told_it_to_is_a_violation_and_is_named(int code, bool afterTerminate, string expected)
    {
        var verdict = Verdict.Of([Good], [Kills], [new UnexpectedExit("consumer-2", DateTimeOffset.UnixEpoch, code, afterTerminate)], null, 1, 0, false);

        Assert.Equal(1, verdict.ExitCode);
        Assert.StartsWith(expected, Assert.Single(verdict.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void A_storm_in_which_nothing_was_accepted_is_incomplete_also_when_nothing_was_promised()
    {
        var verdict = Verdict.Of([Good], [Kills], [], null, keys: 0, keysWanted: 0, interrupted: false);

        Assert.Equal((Judgement.Incomplete, 2), (verdict.Judgement, verdict.ExitCode));
        Assert.Contains("nothing to judge", Assert.Single(verdict.Reasons), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "no fault was done")]
    [InlineData(1, "kill-consumer was tried 1 time and never worked")]
    [InlineData(8, "kill-consumer was tried 8 times and never worked")]
    public void A_storm_in_which_no_fault_worked_is_incomplete(int failed, string expected)
    {
        var verdict = Verdict.Of([Good], [new FaultCount("kill-consumer", 1, 0, 0, failed)], [], null, 1, 0, false);

        Assert.Equal((Judgement.Incomplete, 2), (verdict.Judgement, verdict.ExitCode));
        Assert.Equal(expected, Assert.Single(verdict.Reasons));
    }

    [Fact]
    public void One_kind_of_fault_that_never_worked_is_named_beside_others_that_did() =>
        Assert.StartsWith("replay was tried 2 times", Assert.Single(Verdict.Of([Good], [Kills, new FaultCount("replay", 1, 1, 0, 2)], [], null, 1, 0, false).Reasons), StringComparison.Ordinal);

    [Fact]
    public void What_was_not_checked_is_not_good() =>
        Assert.Equal(2, Verdict.Of([Good, InvariantResult.NotChecked("I4", "atomic", "no database")], [Kills], [], null, 1, 0, false).ExitCode);

    [Theory]
    [InlineData(100, 70, 95, 70, true)]
    [InlineData(100, 70, 94, 70, false)]
    [InlineData(100, 70, 100, 60, false)]
    [InlineData(2000, 1400, 200, 140, false)]
    [InlineData(0, 0, 0, 0, false)]
    public void The_worse_of_accepting_and_taking_effect_decides_whether_throughput_is_back(double answers, double effects, double answersAfter, double effectsAfter, bool good) =>
        Assert.Equal(good, new Recovery(new Throughput(answers, effects), new Throughput(answersAfter, effectsAfter), Recovery.Standard).IsGood);

    [Theory]
    [InlineData(35.0, 34.5, "35 to 34.5 effects/s")]
    [InlineData(35.0, null, "35 to ? effects/s")]
    [InlineData(null, null, "effects not known")]
    public void Effects_that_nobody_saw_are_not_said_to_be_none(double? before, double? after, string expected) =>
        Assert.EndsWith(expected, new Recovery(new Throughput(50, before), new Throughput(50, after), Recovery.Standard).ToString(), StringComparison.Ordinal);

    [Fact]
    public void Throughput_is_measured_between_the_samples_of_a_phase_and_gaps_of_the_database_are_left_out()
    {
        List<Sample> samples = [Sample(0, 0, 0), Sample(1, 100, 50), Sample(2, 200, null), Sample(3, 300, 190), Sample(4, 1000, 900)];

        Assert.Equal(new Throughput(100, 70), Throughput.Of(samples, new Phase("before", 0.5, 3.5)));
        Assert.Null(Throughput.Of(samples, new Phase("before", 3.5, 4.5)));
    }

    [Fact]
    public void Effects_of_keys_that_had_waited_before_are_no_throughput()
    {
        List<Sample> samples = [new(0, 0, 0, 0, 0, 0, 100, 0, 0), new(10, 500, 500, 350, 150, 450, 0, 0, 0)];

        Assert.Equal(new Throughput(50, 35), Throughput.Of(samples, new Phase("before", 0, 10)));
    }

    private static Sample Sample(double at, long answered, long? effects) => new(at, answered, answered, answered, 0, effects, 0, 0, 0);
}
