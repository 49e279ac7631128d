namespace Messaging.Publisher;

/// <summary>What is wrong with a body, by member; all of it, so that the caller mends it in one go.</summary>
internal sealed class ValidationErrors
{
    /// <summary>The body as a whole.</summary>
    public const string Body = "$";

    /// <summary>Names of unknown members are the caller's text: no more of it than this is repeated.</summary>
    private const int LongestNameShown = 64;

    private readonly SortedDictionary<string, List<string>> _errors = new(StringComparer.Ordinal);

    public bool Any => _errors.Count > 0;

    public void Add(string member, string error)
    {
        var name = member.Length <= LongestNameShown ? member : member[..LongestNameShown] + "…";
        if (!_errors.TryGetValue(name, out var errors))
        {
            _errors.Add(name, errors = []);
        }

        if (!errors.Contains(error))
        {
            errors.Add(error);
        }
    }

    public Problem ToProblem() => new(ProblemType.Validation, "See errors for each member and what is wrong with it.")
    {
        Errors = _errors.ToDictionary(entry => entry.Key, entry => entry.Value.ToArray(), StringComparer.Ordinal),
    };
}
