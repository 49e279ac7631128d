namespace Messaging.Cli;

/// <summary>What to send. A rate of 0 is as fast as possible; <c>Keys</c> null is as many as there is time for.</summary>
internal sealed record LoadSettings
{
    public required IReadOnlyList<Uri> Urls { get; init; }

    public string? ApiKey { get; init; }

    public double RatePerSecond { get; init; }

    public int? Keys { get; init; }

    public double Duplicates { get; init; }

    /// <summary>Share of requests that send a known key with another payload, which must be refused.</summary>
    public double Conflicts { get; init; }

    public int Concurrency { get; init; } = 32;

    public int Seed { get; init; }

    public LoadOperations Operations { get; init; } = LoadOperations.Both;

    /// <summary>Before the number of each key: tells the keys of this run from those of any other.</summary>
    public required string KeyPrefix { get; init; }
}
