using System.Text.Json;

namespace Messaging.Consumer;

/// <summary>How a foreign producer's payload is read: tolerant of more than we know, strict about what we need.</summary>
internal static class PayloadJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };
}
