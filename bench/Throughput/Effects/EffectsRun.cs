namespace Messaging.Throughput;

/// <summary>The effects of orders alone, without claims, a queue or events: what each way to write them gives. Afterwards every order is there once.</summary>
internal sealed class EffectsRun(Arena arena)
{
    public async Task RunAsync(string way)
    {
        await using var ground = await arena.PrepareAsync(Broker.Quorum, arena.Options.Messages);
        var perSecond = await arena.RunAsync(EffectsContender.Prefix + way, ground.Work);
        await ground.RequireKeysAsync(Orders.Keys(ground.Work.Total), "SELECT idempotency_key FROM orders");
        arena.Report.Add($"effects {way}", "orders/s", perSecond);
    }
}
