namespace Messaging.Cli;

internal enum RequestKind
{
    /// <summary>A key for the first time.</summary>
    New,

    /// <summary>A key again, with its own payload: the same acceptance must come back.</summary>
    Repeat,

    /// <summary>A key again, with another payload: it must be refused with 422.</summary>
    Conflict,
}

/// <summary>What to send next; keys are numbered from 0.</summary>
internal readonly record struct PlannedRequest(RequestKind Kind, int Key);

/// <summary>
/// The order of new keys, repetitions and conflicts: from a seed, always the same. Every hundred requests hold the same number of
/// each, so that the load of any two stretches of time is the same load.
/// </summary>
internal sealed class Schedule(int seed, double duplicates, double conflicts, int? keys = null)
{
    private const int BlockSize = 100;
    private const int Recent = 200;

    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly Queue<RequestKind> _block = new();
    private double _owedRepeats;
    private double _owedConflicts;
    private int _keys;

    /// <summary>Null when all keys have been sent.</summary>
    public PlannedRequest? Next()
    {
        lock (_gate)
        {
            if (_block.Count == 0)
            {
                Fill();
            }

            var kind = _keys == 0 ? RequestKind.New : _block.Dequeue();
            return kind != RequestKind.New ? new PlannedRequest(kind, Earlier())
                : _keys == keys ? null
                : new PlannedRequest(RequestKind.New, _keys++);
        }
    }

    /// <summary>Half of the repetitions come soon, perhaps while the first request is under way; half come at any time later.</summary>
    private int Earlier() => _random.Next(2) == 0 ? _keys - 1 - _random.Next(Math.Min(Recent, _keys)) : _random.Next(_keys);

    private void Fill()
    {
        var repeats = Take(ref _owedRepeats, duplicates);
        var others = Take(ref _owedConflicts, conflicts);
        var kinds = Enumerable.Range(0, BlockSize)
            .Select(i => i < repeats ? RequestKind.Repeat : i < repeats + others ? RequestKind.Conflict : RequestKind.New).ToArray();
        _random.Shuffle(kinds);
        Array.ForEach(kinds, _block.Enqueue);
    }

    /// <summary>A fraction of a request is owed to the next block.</summary>
    private static int Take(ref double owed, double share)
    {
        owed += share * BlockSize;
        var whole = (int)(owed + 1e-9);
        owed -= whole;
        return whole;
    }
}
