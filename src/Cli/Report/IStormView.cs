namespace Messaging.Cli;

/// <summary>What a view shows at one moment.</summary>
internal sealed record StormStatus(string Phase, double Progress, TimeSpan Elapsed, IReadOnlyList<string> Faults, int FaultsDone, int FaultsPlanned, IReadOnlyList<Sample> Samples)
{
    /// <summary>Seconds since the run began at which the database was counted, where that was not with the last sample; null where it was.</summary>
    public double? CountedAt { get; init; }
}

/// <summary>A terminal that is drawn anew, or lines for a log.</summary>
internal interface IStormView
{
    /// <summary>Something happened.</summary>
    void Tell(string line);

    void Show(StormStatus status);

    /// <summary>Shows while the work runs.</summary>
    Task<T> RunAsync<T>(Func<Task<T>> work);
}
