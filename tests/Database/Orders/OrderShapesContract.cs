using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Orders one by one and as a set: the same guarantees, and the same rows.</summary>
public abstract class OrderShapesContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_settles_each_of_its_messages(bool setBased)
    {
        var engine = await StartShapeAsync(setBased);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("known", quantity: 1));

        await engine.ProcessAsync(SubmitOrder.Operation,
        [
            .. Enumerable.Range(0, 40).Select(i => Message.OfOrder($"new-{i}", "ünïcödé ' \" \\", quantity: i + 1)),
            .. Enumerable.Range(0, 40).Select(i => Message.OfOrder($"new-{i}", "ünïcödé ' \" \\", quantity: i + 1)),
            Message.OfOrder("known", quantity: 1),
            Message.OfOrder("known", quantity: 2),
            Message.OfOrder("malformed", quantity: 0),
        ]);

        Assert.Equal(41, await Tables.CountAsync("orders"));
        Assert.Equal(1, await Tables.CountAsync("parked_messages", "reason = 'conflict'"));
        Assert.Equal(1, await Tables.CountAsync("parked_messages", "reason = 'malformed'"));
        await Tables.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_that_the_business_refuses_is_parked_alone(bool setBased)
    {
        await Tables.ExecuteAsync("CREATE UNIQUE INDEX one_order_an_item ON orders (item)");
        var engine = await StartShapeAsync(setBased);

        await engine.ProcessAsync(SubmitOrder.Operation,
            [.. Enumerable.Range(0, 20).Select(i => Message.OfOrder($"key-{i}", $"item-{i}")), Message.OfOrder("guilty", "item-7")]);

        // Whichever of the two came second.
        Assert.Equal(20, await Tables.CountAsync("orders"));
        Assert.Equal(1, await Tables.CountAsync("parked_messages", "reason = 'poison' AND idempotency_key IN ('guilty', 'key-7')"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task Both_shapes_store_what_was_sent_in_the_same_form()
    {
        var (single, set) = (await StartShapeAsync(setBased: false), await StartShapeAsync(setBased: true));
        var sent = Message.Submission("single", "Bücher, 2 × ''", 7);
        var alike = Message.Submission("set", "Bücher, 2 × ''", 7);
        await single.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(sent));
        await set.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(alike));

        await using var scope = single.Services.CreateAsyncScope();
        var orders = scope.ServiceProvider.GetRequiredService<ConsumerContext>().Orders;
        var first = await orders.SingleAsync(o => o.IdempotencyKey == "single", Cancelled);
        // Found by its id, which SQLite compares as text.
        var second = await orders.SingleAsync(o => o.Id == orders.Single(x => x.IdempotencyKey == "set").Id && o.Client == Message.Client, Cancelled);
        Assert.Equal((first.Item, first.Quantity, first.Client), (second.Item, second.Quantity, second.Client));
        Assert.Equal("Bücher, 2 × ''", second.Item);
        Assert.Equal(TimeSpan.Zero, second.CreatedAt.Offset);
        Assert.InRange(second.CreatedAt - first.CreatedAt, TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(1));
        Assert.NotNull(await orders.SingleOrDefaultAsync(o => o.OrderId == second.OrderId, Cancelled));

        var rows = await Tables.RowsAsync("SELECT id, order_id, created_at, quantity FROM orders ORDER BY idempotency_key");
        Assert.Equal(rows[1].Select(Form), rows[0].Select(Form));
    }

    private Task<Engine> StartShapeAsync(bool setBased) => StartEngineAsync(s => s.With("Orders:SetBased", setBased).With("Inbox:RetryDelayMilliseconds", 1));

    /// <summary>The type, and of a text which of its characters are digits, capitals or others.</summary>
    private static string Form(object? value) => value is string text
        ? string.Concat(text.Split('.')[0].Select(c => char.IsAsciiDigit(c) || char.IsAsciiHexDigitUpper(c) ? 'X' : c))
        : value?.GetType().Name ?? "null";
}

public sealed class OrderShapesOnSqlite(SharedServers servers) : OrderShapesContract(servers, DatabaseProvider.Sqlite);

public sealed class OrderShapesOnPostgreSql(SharedServers servers) : OrderShapesContract(servers, DatabaseProvider.PostgreSql);

public sealed class OrderShapesOnSqlServer(SharedServers servers) : OrderShapesContract(servers, DatabaseProvider.SqlServer);
