using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>What makes a message a valid order, whoever sent it.</summary>
internal static class SubmitOrderMessages
{
    /// <summary>A foreign producer sends only the payload, <c>{"item":"book","quantity":1}</c>; the order's id is made here.</summary>
    public static SubmitOrder FromPayload(ForeignPayload payload)
    {
        var order = payload.Json.Deserialize<Payload>(PayloadJson.Options) ?? throw new JsonException("The payload is null.");
        return new SubmitOrder(
            payload.Key.Client, payload.Key.Key, Guid.CreateVersion7(), payload.Fingerprint.Hex, payload.AcceptedAt, order.Item, WholeNumber(order.Quantity));
    }

    public static string? FindProblem(SubmitOrder order) =>
        string.IsNullOrWhiteSpace(order.Item) ? "item is empty."
        : order.Item.Length > SubmitOrder.MaxItemLength ? $"item has {order.Item.Length} characters; at most {SubmitOrder.MaxItemLength} are allowed."
        : order.Item.Contains('\0', StringComparison.Ordinal) ? "item contains U+0000."
        : order.Quantity is < 1 or > SubmitOrder.MaxQuantity ? $"quantity is {order.Quantity}; 1 to {SubmitOrder.MaxQuantity} are allowed."
        : null;

    /// <summary><c>1.0</c> is 1, as over HTTP.</summary>
    private static int WholeNumber(decimal quantity) => quantity == decimal.Truncate(quantity) && quantity is >= int.MinValue and <= int.MaxValue
        ? (int)quantity
        : throw new JsonException($"quantity is {quantity}, which is no whole number.");

    private sealed record Payload(string Item, decimal Quantity);
}
