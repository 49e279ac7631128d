using System.Text.Json;
using System.Text.Json.Serialization;

namespace Messaging.Cli;

internal sealed record SettingLine(string Name, string Value);

internal sealed record AnswerCount(string Answer, long Times);

/// <summary>Latencies in milliseconds, from when a request was due to its 2xx; null where there was none.</summary>
internal sealed record LatencyFigures(double? P50, double? P90, double? P99, double? P999, double? Longest);

/// <summary>Everything a storm has to tell: <c>chaos-report.json</c>, and what the page is drawn from.</summary>
internal sealed record ChaosReport
{
    public required DateTimeOffset StartedAt { get; init; }

    public required double DurationSeconds { get; init; }

    public required string Target { get; init; }

    public required int Seed { get; init; }

    public required Verdict Verdict { get; init; }

    public required IReadOnlyList<InvariantResult> Invariants { get; init; }

    public required Recovery? Recovery { get; init; }

    public required AuditReport? Audit { get; init; }

    public required long Submitted { get; init; }

    public required long Answered { get; init; }

    public required long Keys { get; init; }

    public required long Replays { get; init; }

    public required long Retries { get; init; }

    public required LatencyFigures Latency { get; init; }

    public required IReadOnlyList<AnswerCount> Answers { get; init; }

    public required IReadOnlyList<FaultCount> FaultCounts { get; init; }

    public required IReadOnlyList<InjectedFault> Faults { get; init; }

    public required IReadOnlyList<UnexpectedExit> UnexpectedExits { get; init; }

    public required IReadOnlyList<Phase> Phases { get; init; }

    public required IReadOnlyList<SettingLine> Settings { get; init; }

    public required IReadOnlyList<Sample> Samples { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, ChaosJson.Default.ChaosReport);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ChaosReport))]
internal sealed partial class ChaosJson : JsonSerializerContext;
