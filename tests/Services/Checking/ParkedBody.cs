using System.Text.Json;

namespace Messaging.Services;

/// <summary>Reads what a parked row kept, past the engine: an operator must be able to send it again as it was accepted.</summary>
internal static class ParkedBody
{
    /// <summary>A foreign message is kept to the byte; of an envelope its key, its client and its payload must be this request's.</summary>
    public static bool IsOf(Request request, string body)
    {
        if (body == request.Json)
        {
            return true;
        }

        try
        {
            using var envelope = JsonDocument.Parse(body);
            var message = envelope.RootElement.GetProperty("message");
            return message.GetProperty("idempotencyKey").GetString() == request.Key
                && message.GetProperty("client").GetString() == request.Client
                && Payload(message, request.IsPayment) == request.Payload;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Cut off, or another message altogether.
            return false;
        }
    }

    private static string Payload(JsonElement message, bool isPayment) => isPayment
        ? Effect.OfPayment(message.GetProperty("amount").GetDecimal())
        : Effect.OfOrder(message.GetProperty("item").GetString()!, message.GetProperty("quantity").GetInt64());
}
