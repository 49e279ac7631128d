using System.Text.Json.Serialization;

namespace Messaging.Cli;

/// <summary>An attempt (operation and body) or an answer (status and acceptance).</summary>
internal sealed record JournalLine(string Key, string? Operation, string? Body, int? Status, string? Acceptance);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JournalLine))]
internal sealed partial class JournalJson : JsonSerializerContext;
