using System.Text.Json.Serialization;

namespace Messaging.Cli;

/// <summary>An attempt (operation and body), an acceptance (with its status), or an offence: an answer that should not have come.</summary>
internal sealed record JournalLine(string Key, string? Operation = null, string? Body = null, int? Status = null, string? Acceptance = null, string? Offence = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JournalLine))]
internal sealed partial class JournalJson : JsonSerializerContext;
