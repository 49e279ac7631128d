using Messaging.Contracts;
using Messaging.Transactional;

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

    /// <summary>Whose it is, the claimed key says, not the body: the row then always belongs to the inbox row that it was committed with.</summary>
    public static OrderRow Of(Incoming<SubmitOrder> incoming, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        OrderId = incoming.Message.OrderId,
        Client = incoming.Key.Client,
        IdempotencyKey = incoming.Key.Key,
        Item = incoming.Message.Item,
        Quantity = incoming.Message.Quantity,
        CreatedAt = now,
    };
}
