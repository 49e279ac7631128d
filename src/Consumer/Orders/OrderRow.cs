using Messaging.Contracts;

namespace Messaging.Consumer;

/// <summary>The effect of one order.</summary>
public sealed class OrderRow
{
    /// <summary>Of this row, not of the order: were an order to take effect twice, there would be two rows.</summary>
    public required Guid Id { get; init; }

    public required Guid OrderId { get; init; }

    public required string Client { get; init; }

    public required string IdempotencyKey { get; init; }

    public required string Item { get; init; }

    public required int Quantity { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static OrderRow Of(SubmitOrder order, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        OrderId = order.OrderId,
        Client = order.Client,
        IdempotencyKey = order.IdempotencyKey,
        Item = order.Item,
        Quantity = order.Quantity,
        CreatedAt = now,
    };
}
