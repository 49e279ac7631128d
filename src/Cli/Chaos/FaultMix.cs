using System.Globalization;

namespace Messaging.Cli;

/// <summary>How often a kind of fault is chosen, against the others, and how often it must come at least.</summary>
internal sealed record FaultShare(FaultKind Kind, int Weight, int AtLeast);

/// <summary>Which faults a storm is made of.</summary>
internal sealed record FaultMix(IReadOnlyList<FaultShare> Shares)
{
    public const string Standard = "kill-consumer=5,kill-publisher=3,stop-consumer=1,term-consumer=1,abort-requests=2,replay=1";

    private const int MaxNumber = 100_000;

    /// <summary>Reads <c>NAME=WEIGHT,…</c> and <c>NAME=COUNT,…</c>; a command fault that no weight is given for has the weight 1.</summary>
    /// <param name="weights">As <c>--faults</c> gives them; empty means none but what <paramref name="commands"/> bring.</param>
    /// <param name="minimums">As <c>--at-least</c> gives them.</param>
    /// <param name="commands">As <c>--fault-command</c> gives them.</param>
    /// <param name="errors">Told what cannot be read, and that there is nothing to do.</param>
    public static FaultMix Parse(string weights, string minimums, IReadOnlyList<FaultKind> commands, Action<string> errors)
    {
        var known = FaultKind.BuiltIn.Concat(commands).ToDictionary(k => k.Name, StringComparer.Ordinal);
        var isRead = true;
        void Refuse(string error)
        {
            isRead = false;
            errors(error);
        }

        var weighed = Numbers("--faults", weights, known, Refuse);
        var wanted = Numbers("--at-least", minimums, known, Refuse);
        foreach (var command in commands)
        {
            weighed.TryAdd(command.Name, 1);
        }

        foreach (var name in wanted.Keys)
        {
            weighed.TryAdd(name, 0);
        }

        if (isRead && weighed.Values.All(weight => weight == 0) && wanted.Values.All(count => count == 0))
        {
            errors("--faults leaves no fault to do; give one a weight above 0, as in --faults kill-consumer=1, or a --fault-command.");
        }

        return new([.. known.Values.Where(k => weighed.ContainsKey(k.Name)).Select(k => new FaultShare(k, weighed[k.Name], wanted.GetValueOrDefault(k.Name)))]);
    }

    private static Dictionary<string, int> Numbers(string option, string text, Dictionary<string, FaultKind> known, Action<string> errors)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('=') is not [var name, var number] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value > MaxNumber)
            {
                errors($"{option} has '{part}'; it must be NAME=N with N from 0 to {MaxNumber}.");
            }
            else if (!known.ContainsKey(name))
            {
                errors($"{option} names the fault '{name}', which there is not. There are: {string.Join(", ", known.Keys)}.");
            }
            else
            {
                numbers[name] = value;
            }
        }

        return numbers;
    }
}
