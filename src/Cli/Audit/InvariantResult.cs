namespace Messaging.Cli;

internal enum CheckState
{
    Holds,
    Violated,
    NotChecked,
}

/// <summary>One invariant, as far as it could be seen. <c>Offending</c> holds the first keys that break it.</summary>
internal sealed record InvariantResult(string Id, string Name, CheckState State, string Figures, IReadOnlyList<string> Offending)
{
    public const int MaxOffending = 20;

    /// <summary>Holds if nothing offends.</summary>
    public static InvariantResult Of(string id, string name, string figures, params IEnumerable<string> offending)
    {
        var first = offending.Distinct(StringComparer.Ordinal).Take(MaxOffending).ToList();
        return new(id, name, first.Count == 0 ? CheckState.Holds : CheckState.Violated, figures, first);
    }

    public static InvariantResult NotChecked(string id, string name, string why) => new(id, name, CheckState.NotChecked, why, []);
}
