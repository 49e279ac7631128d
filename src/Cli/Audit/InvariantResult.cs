namespace Messaging.Cli;

internal enum CheckState
{
    Holds,
    Violated,
    NotChecked,
}

/// <summary>One invariant, as far as it could be seen. <c>Offending</c> holds the keys that break it, for the JSON; a page or a console shows the first.</summary>
internal sealed record InvariantResult(string Id, string Name, CheckState State, string Figures, IReadOnlyList<string> Offending)
{
    private const int MaxOffending = 10_000;
    private const int MaxShown = 20;

    /// <summary>The first keys that break it, and how many more there are.</summary>
    public IEnumerable<string> Shown() => Offending.Count <= MaxShown ? Offending : Offending.Take(MaxShown).Append($"… and {Offending.Count - MaxShown} more");

    /// <summary>Holds if nothing offends.</summary>
    public static InvariantResult Of(string id, string name, string figures, params IEnumerable<string> offending)
    {
        var first = offending.Distinct(StringComparer.Ordinal).Take(MaxOffending).ToList();
        return new(id, name, first.Count == 0 ? CheckState.Holds : CheckState.Violated, figures, first);
    }

    public static InvariantResult NotChecked(string id, string name, string why) => new(id, name, CheckState.NotChecked, why, []);
}
