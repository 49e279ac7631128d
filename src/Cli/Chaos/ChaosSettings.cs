using Messaging.Transactional;

namespace Messaging.Cli;

internal enum TargetKind
{
    Standalone,
    Processes,
    Compose,
    Urls,
}

/// <summary>Everything that a storm is told.</summary>
internal sealed record ChaosSettings
{
    public required TargetKind Target { get; init; }

    /// <summary>Where report, log and the services' output go.</summary>
    public required string Output { get; init; }

    public required LoadSettings Load { get; init; }

    public required TimeSpan Duration { get; init; }

    public required FaultMix Mix { get; init; }

    public required TimeSpan Every { get; init; }

    public required double Calm { get; init; }

    public required TimeSpan DrainLimit { get; init; }

    /// <summary>Keys that must have been accepted; the storm's end waits for them, for as long again as it was to last.</summary>
    public int Keys { get; init; }

    /// <summary>What none of the services may hold resident, at any time.</summary>
    public int MaxMemoryMegaBytes { get; init; } = 1024;

    public DatabaseOptions? Database { get; init; }

    public BrokerSettings? Broker { get; init; }

    /// <summary>Null where no broker is named.</summary>
    public BrokerQueues? BrokerQueues => Broker is { } broker ? new BrokerQueues(broker) : null;

    public IReadOnlyList<EffectTable> Effects { get; init; } = EffectTable.Standard;

    public bool AllowForgotten { get; init; }

    /// <summary>For <c>urls</c> and <c>compose</c>.</summary>
    public IReadOnlyList<Uri> Urls { get; init; } = [];

    /// <summary>For <c>standalone</c>: where its database is; null is a folder below <see cref="Output"/>.</summary>
    public string? Data { get; init; }

    public int Publishers { get; init; } = 2;

    public int Consumers { get; init; } = 3;

    public FileInfo? Publisher { get; init; }

    public FileInfo? Consumer { get; init; }

    public FileInfo? Standalone { get; init; }

    /// <summary>Settings of the services that the storm starts.</summary>
    public IReadOnlyDictionary<string, string> ServiceSettings { get; init; } = new Dictionary<string, string>();

    public FileInfo? ComposeFile { get; init; }

    public string ComposeCommand { get; init; } = "docker compose";

    public IReadOnlyList<string> PublisherServices { get; init; } = [];

    public IReadOnlyList<string> ConsumerServices { get; init; } = [];

    /// <summary>How long throughput is measured without a pace before the first fault, and again after the last. Null is an eighth of the duration, 4 to 15 s.</summary>
    public TimeSpan? GivenWindow { get; init; }

    public TimeSpan Window => GivenWindow ?? TimeSpan.FromSeconds(Math.Clamp(Duration.TotalSeconds / 8, 4, 15));

    /// <summary>The clients are already unpaced and not yet measured: what was just started compiles and connects.</summary>
    public TimeSpan RunUp => Window / 3;

    /// <summary>Share of the throughput before that must be there again after.</summary>
    public double Recovered { get; init; } = Recovery.Standard;

    /// <summary>Lets everything be compiled and connected before it is measured.</summary>
    public TimeSpan WarmUp => TimeSpan.FromSeconds(Math.Clamp(Duration.TotalSeconds / 20, 2, 10));

    /// <summary>Between two looks at the database.</summary>
    public TimeSpan SampleInterval => TimeSpan.FromSeconds(Duration > TimeSpan.FromMinutes(5) ? 2 : 1);

    /// <summary>Whoever wants nothing of the throughput back has it not measured.</summary>
    public bool IsMeasuring => Recovered > 0;

    public TimeSpan StormLength => Duration - (IsMeasuring ? 2 * Window : TimeSpan.Zero) - WarmUp;
}
