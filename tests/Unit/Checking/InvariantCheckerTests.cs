using Messaging.Services;
using Tables = Messaging.Services.Snapshot;

namespace Messaging.Unit;

/// <summary>A verifier needs a verifier: what one run told and left is judged as it is, and once for each way in which it may be harmed.</summary>
public sealed class InvariantCheckerTests
{
    private static readonly Dictionary<string, Harm> Harms = new()
    {
        ["an accepted key left nothing"] = new("I1 I6", "o was accepted as 'item 2 x 2'", (_, t) => t.WithoutEffect("o").WithoutClaim("o")),
        ["a confirmed foreign message left nothing, and no submission knows of it"] = new("I1 I6", "new was accepted, and its message was let go", (j, t) =>
        {
            j.Confirmed(Request.Order("new"));
            return t;
        }),
        ["a parked body was cut off"] = new("I1", "parked was", (_, t) => t.WithBody("parked", "{\"item\":\"item 4\"")),
        ["a parked body begins like the accepted one"] = new("I1", "parked was", (_, t) => t.WithBody("parked", Request.Order("parked", 44).Json)),
        ["a parked envelope was cut off"] = new("I1", "envelope was", (_, t) => t.WithBody("envelope", CheckedRun.Envelope(CheckedRun.Parked)[..^9])),
        ["a parked envelope carries another payload"] = new("I1", "envelope was", (_, t) => t.WithBody("envelope", CheckedRun.Envelope(CheckedRun.Parked with { Number = 55 }))),
        ["a parked envelope carries another key"] = new("I1", "envelope was", (_, t) => t.WithBody("envelope", CheckedRun.Envelope(CheckedRun.Parked with { Key = "o" }))),
        ["a parked envelope is of another client"] = new("I1", "envelope was", (_, t) => t.WithBody("envelope", CheckedRun.Envelope(CheckedRun.Parked with { Client = "other" }))),
        ["an effect went to another client"] = new("I1 I3 I4", "o was accepted", (_, t) => t.Change("o", e => e with { Client = "other" })),
        ["a key took effect twice"] = new("I2", "o took effect 2 times", (_, t) => t.Twice("o")),
        ["the balances of two clients are swapped, and their total is right"] = new("I2", "the balance of (anonymous, EUR) is 7.25", (_, t) => t with
        {
            Balances = new Dictionary<(string, string), decimal> { [("anonymous", "EUR")] = 7.25m, [("external", "EUR")] = 3.25m },
        }),
        ["a balance is in another currency than its entry"] = new("I2", "the balance of (external, USD) is 7.25", (_, t) => t with
        {
            Balances = new Dictionary<(string, string), decimal> { [("anonymous", "EUR")] = 3.25m, [("external", "USD")] = 7.25m },
        }),
        ["there is an effect that nobody asked for"] = new("I3", "phantom took effect", (_, t) => t.With(Request.Order("phantom"))),
        ["an effect is of the payload that was refused"] = new("I1 I3", "o took effect as 'item 9 x 9'", (_, t) => t.Change("o", e => e with { Payload = "item 9 x 9" })),
        ["a key was claimed with another fingerprint than it was submitted with"] = new("I3", "o was submitted with one fingerprint", (_, t) => t.Reclaim("o", c => c with { Fingerprint = "FF" })),
        ["a claim has no outcome"] = new("I4", "o is claimed and has no outcome", (_, t) => t.Reclaim("o", c => c with { Status = null })),
        ["an order is created and has no effect"] = new("I4", "parked is created and has no effect", (_, t) => t.Claim(Request.Order("parked") with { Client = "external" })),
        ["a payment is captured and has no effect"] = new("I4", "other is captured and has no effect", (_, t) => t.Claim(Request.Payment("other"))),
        ["a business refusal took effect"] = new("I4", "o is failed and took effect", (_, t) => t.Reclaim("o", c => c with { Status = "failed" })),
        ["an effect has no claim"] = new("I4", "o took effect and is not claimed", (_, t) => t.WithoutClaim("o").Park(Request.Order("o", 2), "poison")),
        ["one key was accepted with two payloads"] = new("I1 I5", "o was accepted with two payloads", (j, t) =>
        {
            j.Accepted(Request.Order("o", 9), "first");
            return t;
        }),
        ["a replay was answered in another way"] = new("I5", "o was answered in two ways", (j, t) =>
        {
            j.Accepted(Request.Order("o", 2), "second");
            return t;
        }),
        ["a replay of what was accepted was refused"] = new("I5", "o was refused to the payload", (j, t) =>
        {
            j.Refused(Request.Order("o", 2));
            return t;
        }),
        ["the only payload of a key was never accepted, and then refused"] = new("I5", "unanswered was refused to the payload", (j, t) =>
        {
            j.Refused(Request.Order("unanswered", 6));
            return t;
        }),
        ["a submission that nobody was told of has no outcome"] = new("I6", "unanswered was accepted, and its message was let go", (_, t) => t.WithoutEffect("unanswered").WithoutClaim("unanswered")),
        ["an outgoing row is left"] = new("I7", "1 outgoing rows", (_, t) => t with { Outgoing = 1 }),
        ["a message is left in a queue"] = new("I7", "1 messages", (_, t) => t, Queued: 1),
        ["what was answered with unknown was submitted twice"] = new("I11", "unanswered, whose answer was unknown", (_, t) => t with { Submissions = [.. t.Submissions, t.Submissions.Single(s => s.Key == "unanswered")] }),
        ["what was answered with unknown took effect twice"] = new("I2 I11", "unanswered, whose answer was unknown", (_, t) => t.Twice("unanswered")),
    };

    public static TheoryData<string> Ways => [.. Harms.Keys];

    [Fact]
    public void A_run_in_which_everything_came_right_is_good() => Assert.Empty(InvariantChecker.Check(CheckedRun.Told(), CheckedRun.Left(), queued: 0));

    [Theory, MemberData(nameof(Ways))]
    public void What_is_harmed_is_named(string way)
    {
        var (harm, journal) = (Harms[way], CheckedRun.Told());

        var violations = InvariantChecker.Check(journal, harm.Do(journal, CheckedRun.Left()), harm.Queued);

        Assert.Equal(harm.Broken, string.Join(' ', violations.Select(v => v.Invariant).Distinct()));
        Assert.Contains(violations, v => v.What.Contains(harm.Named, StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_in_which_nothing_was_accepted_is_not_good()
    {
        var journal = new Journal();
        journal.Unknown(Request.Order("o"));

        var violation = Assert.Single(InvariantChecker.Check(journal, new Tables([], [], [], [], new Dictionary<(string, string), decimal>(), 0), queued: 0));

        Assert.Equal("I0", violation.Invariant);
    }

    [Fact]
    public void While_messages_are_on_their_way_nothing_was_let_go_too_early() =>
        Assert.DoesNotContain(InvariantChecker.Check(CheckedRun.Told(), CheckedRun.Left().WithoutEffect("o").WithoutClaim("o"), queued: 1), v => v.Invariant == "I6");

    [Fact]
    public void An_effect_whose_key_was_forgotten_is_known_by_the_message_that_was_too_late() =>
        Assert.Empty(InvariantChecker.Check(CheckedRun.Told(), CheckedRun.Left().WithoutClaim("o").Park(Request.Order("o", 2), "too-late"), queued: 0));

    /// <param name="Broken">The invariants that then do not hold, in their order.</param>
    /// <param name="Named">A part of what one violation says.</param>
    private sealed record Harm(string Broken, string Named, Func<Journal, Tables, Tables> Do, long Queued = 0);
}
