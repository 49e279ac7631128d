using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>Creates the order and tells the world.</summary>
internal sealed class SubmitOrderHandler(TimeProvider time, OrdersOptions options) : IHandler<SubmitOrder, ConsumerContext>
{
    public Task<Outcome> HandleAsync(Incoming<SubmitOrder> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        var row = OrderRow.Of(incoming, time.GetUtcNow());
        database.Orders.Add(row);
        return Task.FromResult(Answer(row, options));
    }

    public static Outcome Answer(OrderRow row, OrdersOptions options)
    {
        var outcome = Outcome.Completed("created", new { row.OrderId });
        return options.PublishEvents ? outcome.Publishing(new OrderCreated(row.Client, row.OrderId, row.Item, row.Quantity, row.CreatedAt)) : outcome;
    }
}
