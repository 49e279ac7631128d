namespace Messaging.Cli;

/// <summary>A queue as the broker tells it; null is what could not be seen.</summary>
internal sealed record QueueCount(string Name, long? Ready, long? Unacknowledged)
{
    public bool IsEmpty => Ready == 0 && Unacknowledged is null or 0;

    public override string ToString() => Ready is null ? $"{Name}: no such queue" : $"{Name}: {Ready} ready, {Unacknowledged?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"} unacknowledged";
}

/// <summary>What the database, the broker and the journal say of each other.</summary>
internal sealed record AuditReport
{
    public required long Keys { get; init; }

    public required long Effects { get; init; }

    public required long Lost { get; init; }

    public required long Doubled { get; init; }

    public required long Parked { get; init; }

    public required long Outgoing { get; init; }

    public required IReadOnlyList<QueueCount> Queues { get; init; }

    /// <summary>Operations that have keys, and of which nobody said where their effects are.</summary>
    public required IReadOnlyList<string> Uncompared { get; init; }

    /// <summary>I1 to I7, in this order.</summary>
    public required IReadOnlyList<InvariantResult> Invariants { get; init; }

    /// <summary>No broker and no journal are the reader's to weigh. That nothing was accepted, or that a kind of effects was not looked at, is no proof of anything.</summary>
    public Judgement Judgement =>
        Invariants.Any(i => i.State == CheckState.Violated) ? Judgement.Violated : Incomplete is null ? Judgement.Good : Judgement.Incomplete;

    public bool IsGood => Judgement == Judgement.Good;

    /// <summary>Parked messages are neither lost nor doubled, and wait for somebody who should know of them.</summary>
    public string Verdict => $"{Keys} keys, {Effects} effects, {Lost} lost, {Doubled} doubled{(Parked > 0 ? $", {Parked} parked" : "")}";

    /// <summary>Why it proves nothing; null when it does.</summary>
    public string? Incomplete => Keys == 0 ? Cli.Verdict.NothingAccepted()
        : Uncompared.Count > 0 ? $"the effects of {string.Join(", ", Uncompared)} were not looked at; say where they are: --effects {string.Join(' ', Uncompared.Select(o => o + "=TABLE"))} (OPERATION=- where no table holds them), beside the others"
        : null;
}
