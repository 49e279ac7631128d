using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>Creates the order and tells the world.</summary>
internal sealed class SubmitOrderHandler(TimeProvider time) : IHandler<SubmitOrder, ConsumerContext>
{
    public Task<Outcome> HandleAsync(Incoming<SubmitOrder> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        var order = incoming.Message;
        var now = time.GetUtcNow();
        database.Orders.Add(new OrderRow
        {
            Id = Guid.CreateVersion7(now),
            OrderId = order.OrderId,
            Client = order.Client,
            IdempotencyKey = order.IdempotencyKey,
            Item = order.Item,
            Quantity = order.Quantity,
            CreatedAt = now,
        });
        return Task.FromResult(Outcome
            .Completed("created", new { order.OrderId })
            .Publishing(new OrderCreated(order.Client, order.OrderId, order.Item, order.Quantity, now)));
    }
}
