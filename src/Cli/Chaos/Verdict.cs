namespace Messaging.Cli;

internal enum Judgement
{
    Good,
    Violated,

    /// <summary>Nothing bad was seen, but not all that was promised was done or could be checked.</summary>
    Incomplete,
}

/// <summary>How often a kind of fault was done.</summary>
internal sealed record FaultCount(string Name, int Weight, int AtLeast, int Injected, int Failed);

/// <summary>The judgement, its reasons, and the exit code that stands for it.</summary>
internal sealed record Verdict(Judgement Judgement, string Summary, IReadOnlyList<string> Reasons)
{
    public int ExitCode => (int)Judgement;

    /// <param name="obstacle">Why, as far as it is known.</param>
    public static string NothingAccepted(string? obstacle = null) => "no key was accepted, so there was nothing to judge" + (obstacle is null ? "" : ": " + obstacle);

    /// <param name="invariants">I1 to I8.</param>
    /// <param name="counts">What was injected.</param>
    /// <param name="exits">Services that ended and should not have.</param>
    /// <param name="summary">Of the audit; null when there was none.</param>
    /// <param name="keys">Accepted.</param>
    /// <param name="keysWanted">At least.</param>
    /// <param name="interrupted">The user ended it early.</param>
    /// <param name="obstacle">Why no key was accepted; null when it is not known.</param>
    public static Verdict Of(
        IReadOnlyList<InvariantResult> invariants, IReadOnlyList<FaultCount> counts, IReadOnlyList<UnexpectedExit> exits, string? summary, long keys, long keysWanted, bool interrupted, string? obstacle = null)
    {
        List<string> violated =
        [
            .. invariants.Where(i => i.State == CheckState.Violated).Select(i => $"{i.Id} {i.Name} is violated: {i.Figures}"),
            // No effect may be wrong, and still: what dies without a fault of ours does not run.
            .. exits.Select(e => e.ToString()),
        ];
        List<string> incomplete =
        [
            .. invariants.Where(i => i.State == CheckState.NotChecked).Select(i => $"{i.Id} {i.Name} was not checked: {i.Figures}"),
            .. counts.Select(Shortfall).OfType<string>(),
            .. (string[])(counts.All(c => c is { Injected: 0, Failed: 0 }) ? ["no fault was done"] : []),
            .. (string[])(keys == 0 ? [NothingAccepted(obstacle)] : keys < keysWanted ? [$"{keys} keys were accepted, at least {keysWanted} were promised"] : []),
            .. (string[])(interrupted ? ["it was interrupted"] : []),
        ];
        var judgement = violated.Count > 0 ? Judgement.Violated : incomplete.Count > 0 ? Judgement.Incomplete : Judgement.Good;
        return new(judgement, summary ?? $"{keys} keys accepted", [.. violated, .. incomplete]);
    }

    /// <summary>A kind of which every attempt failed was not in the storm, whatever its name in the report says.</summary>
    private static string? Shortfall(FaultCount count) => count switch
    {
        { Injected: 0, Failed: > 0 } => $"{count.Name} was tried {count.Failed} {(count.Failed == 1 ? "time" : "times")} and never worked",
        _ when count.Injected < count.AtLeast => $"{count.Name} was done {count.Injected} times, at least {count.AtLeast} were promised",
        _ => null,
    };
}
