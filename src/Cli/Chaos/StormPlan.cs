namespace Messaging.Cli;

/// <summary>One fault to come.</summary>
/// <param name="At">Since the storm began.</param>
/// <param name="Kind">What to do.</param>
/// <param name="Victim">To whom: a number that is taken modulo how many there are.</param>
/// <param name="Hold">How long it lasts: frozen, away, or until the heal command.</param>
internal sealed record PlannedFault(TimeSpan At, FaultKind Kind, int Victim, TimeSpan Hold);

/// <summary>When which fault comes: the same seed and the same options, the same plan. Bursts of faults take turns with calm windows.</summary>
internal sealed record StormPlan(IReadOnlyList<PlannedFault> Faults)
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(60);

    /// <param name="seed">Decides everything.</param>
    /// <param name="length">Of the storm.</param>
    /// <param name="mix">At least the minimums; the rest by weight.</param>
    /// <param name="every">Mean time between two faults, outside calm windows; shorter if the minimums ask for more faults. One comes also where it is longer than the storm.</param>
    /// <param name="calm">Share of the storm without a new fault.</param>
    public static StormPlan Create(int seed, TimeSpan length, FaultMix mix, TimeSpan every, double calm)
    {
        var random = new Random(seed);
        var stormy = length * (1 - calm);
        var kinds = Choose(random, mix, Math.Max(1, (int)(stormy / every)));
        var turns = Math.Max(1, (int)Math.Round(length / Turn));
        var faults = kinds.Select((kind, i) => new PlannedFault(
            Spread((i + random.NextDouble()) / kinds.Count, length, calm, turns), kind, random.Next(1_000_000), HoldOf(random, kind.Action)));
        return new([.. faults]);
    }

    private static List<FaultKind> Choose(Random random, FaultMix mix, int count)
    {
        var chosen = mix.Shares.SelectMany(s => Enumerable.Repeat(s.Kind, s.AtLeast)).ToList();
        var weighed = mix.Shares.SelectMany(s => Enumerable.Repeat(s.Kind, s.Weight)).ToList();
        while (chosen.Count < count && weighed.Count > 0)
        {
            chosen.Add(weighed[random.Next(weighed.Count)]);
        }

        var shuffled = chosen.ToArray();
        random.Shuffle(shuffled);
        return [.. shuffled];
    }

    /// <summary>From a place in the stormy time, 0 to 1, to the time of the storm: each turn is a burst and then a calm window.</summary>
    private static TimeSpan Spread(double place, TimeSpan length, double calm, int turns)
    {
        var turn = Math.Min(turns - 1, (int)(place * turns));
        return (length / turns * turn) + (length / turns * (1 - calm) * ((place * turns) - turn));
    }

    private static TimeSpan HoldOf(Random random, FaultAction action) => action switch
    {
        FaultAction.Kill or FaultAction.Terminate => TimeSpan.FromSeconds(1.5 * random.NextDouble()),
        FaultAction.Stop => TimeSpan.FromSeconds(2 + (8 * random.NextDouble())),
        FaultAction.AbortRequests => TimeSpan.FromSeconds(2 + (4 * random.NextDouble())),
        FaultAction.Command => TimeSpan.FromSeconds(1 + (2 * random.NextDouble())),
        _ => TimeSpan.Zero,
    };
}
