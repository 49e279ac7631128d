using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Messaging.Contracts;

namespace Messaging.Publisher;

/// <summary>What callers read: snake_case, absent members left out, text as it is rather than escaped.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProblemBody))]
[JsonSerializable(typeof(OrderAcceptance))]
[JsonSerializable(typeof(PaymentAcceptance))]
internal sealed partial class PublisherJson : JsonSerializerContext
{
    /// <summary>Escapes only what JSON demands: the answers are never embedded in HTML, and are sent with nosniff.</summary>
    public static JavaScriptEncoder Encoder => JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>The context to write with.</summary>
    public static PublisherJson Relaxed => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = Encoder });
}

/// <summary>What consumers read: camelCase, as MassTransit names members.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SubmitOrder))]
[JsonSerializable(typeof(CapturePayment))]
internal sealed partial class MessageJson : JsonSerializerContext;
