using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;
using RabbitMQ.Client.Events;

namespace Messaging.Throughput;

/// <summary>A queue filled beforehand is drained by a contender; afterwards every key has its one effect, and the queue is empty.</summary>
internal sealed class ConsumeRun(Arena arena)
{
    /// <summary>A subscriber's, where events are published.</summary>
    private const string Events = "order-created";

    /// <param name="contender">Its name.</param>
    /// <param name="queue">Which queue.</param>
    /// <param name="share">A slow contender gets this fraction of the messages.</param>
    public async Task RunAsync(string contender, string queue, int share)
    {
        await using var ground = await arena.PrepareAsync(queue, Math.Max(500, arena.Options.Messages / share));
        if (contender == "raw")
        {
            // It writes each row once, and needs no room for a second version.
            await ground.ExecuteAsync("ALTER TABLE inbox RESET (fillfactor)");
        }

        if (PublishesEvents(contender))
        {
            await Broker.DeclareAsync(ground.Work.Broker, Events, Destination.Event(typeof(OrderCreated)).Exchange);
        }

        await FillAsync(ground);
        var perSecond = await arena.RunAsync(contender, ground.Work);
        await VerifyAsync(contender, ground);
        arena.Report.Add($"{contender} {(queue == Broker.Quorum ? "quorum" : "classic")}", "deliveries/s", perSecond);
    }

    /// <summary>The same deliveries again, when all of them have taken effect.</summary>
    public async Task ReplayAsync(string contender)
    {
        await using var ground = await arena.PrepareAsync(Broker.Quorum, arena.Options.Messages);
        await FillAsync(ground);
        // Once more what is fresh: several others are compared with it.
        var fresh = await arena.RunAsync(contender, ground.Work);
        await VerifyAsync(contender, ground);
        arena.Report.Add($"{contender} quorum", "deliveries/s", fresh);

        // Who replays does it long afterwards. Within seconds of so many new rows the server would come to it by itself, amid the measurement.
        await ground.ExecuteAsync("VACUUM (ANALYZE) inbox, orders");
        await FillAsync(ground);
        var perSecond = await arena.RunAsync(contender, ground.Work);
        await VerifyAsync(contender, ground);
        arena.Report.Add($"replay {contender} quorum", "deliveries/s", perSecond);
    }

    private static Task FillAsync(Ground ground) =>
        Broker.PublishAsync(ground.Work.Broker, ground.Work.Queue, Orders.Deliveries(ground.Work.Total, ground.Work.Queue));

    private static async Task VerifyAsync(string contender, Ground ground)
    {
        await ground.RequireQueuedAsync(ground.Work.Queue, 0);
        if (contender == "nothing")
        {
            return;
        }

        var keys = Orders.Keys(Orders.UniqueOf(ground.Work.Total));
        if (contender.StartsWith("naive", StringComparison.Ordinal))
        {
            await ground.RequireKeysAsync(keys, "SELECT key FROM naive_orders");
            await ground.RequireKeysAsync(keys, "SELECT key FROM naive_processed");
            return;
        }

        await ground.RequireExactlyOnceAsync(keys);
        if (PublishesEvents(contender))
        {
            await ground.RequireMessagesAsync(Events, await ground.ReadAsync("SELECT order_id FROM orders"), OrderOf);
        }
    }

    private static bool PublishesEvents(string contender) => contender.EndsWith("-events", StringComparison.Ordinal);

    private static string OrderOf(BasicDeliverEventArgs message) =>
        JsonSerializer.Deserialize<OrderCreated>(MassTransitEnvelope.Read(message.Body).Message.Span, JsonSerializerOptions.Web)!.OrderId.ToString();
}
