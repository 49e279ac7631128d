using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// The whole chain under SIGKILL, of the consumers and of the broker. One consumer receives directly, the other from MassTransit's consume pipe.
/// By hand: it takes five minutes beside others, and the storm that CI runs kills more.
/// </summary>
public sealed class KillTests(SharedServers servers)
{
    private const int Orders = 2000;
    private const int Payments = 200;
    private const int Callers = 16;
    private const int Kills = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact(Explicit = true)]
    public async Task Row04_two_thousand_orders_submitted_three_times_take_effect_once_through_ten_kills_of_consumers_and_one_of_the_broker()
    {
        await using var broker = await SharedServers.OwnRabbitMqAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync());
        await deployment.SubscribeAsync("listener");
        await broker.SettleAsync();
        var stop = TestContext.Current.CancellationToken;

        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        var submitting = Parallel.ForAsync(0, Orders * 3, new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = stop }, async (i, _) =>
            await caller.SubmitAsync(Request.Order($"order-{i % Orders}", 1 + (i % Orders))));
        var paying = Parallel.ForAsync(0, Payments * 3, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = stop }, async (i, _) =>
            await caller.SubmitAsync(Request.Payment($"payment-{i % Payments}", 1 + (i % Payments))));

        for (var kill = 0; kill < Kills; kill++)
        {
            // Each kill hits a consumer that has work: some effects have been added since the last one, or all are done.
            var before = await deployment.CountAsync("SELECT count(*) FROM inbox");
            await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") is var now && (now > before || now == Orders + Payments), Limit);
            var target = deployment.Consumers[kill % 2];
            await target.KillAsync();
            if (kill == 0)
            {
                // The first, because on a slow machine all is done by the fifth: the broker dies with work in its queues or on its way there.
                Assert.InRange(await deployment.CountAsync("SELECT count(*) FROM inbox"), 1, Orders + Payments - 1);
                await broker.KillAsync();
                await broker.StartAsync();
            }

            await target.StartAgainAsync();
            await target.WaitUntilReadyAsync();
        }

        await submitting;
        await paying;
        await Eventually.Equal((long)(Orders + Payments), () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Orders, await deployment.CountAsync("SELECT count(*) FROM submissions WHERE operation = 'submit-order'"));
        Assert.Equal(Orders, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(3 * (Orders + Payments), journal.Entries.Count(e => e.Answer == Journal.Answer.Accepted));
        Assert.Equal(Payments, await deployment.CountAsync("SELECT count(*) FROM ledger"));
        var expected = Enumerable.Range(1, Payments).Sum(i => i + 0.25m);
        Assert.Equal((long)(expected * 100), await deployment.CountAsync("SELECT (amount * 100)::bigint FROM balances"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
        var keys = await deployment.DrainKeysAsync("listener");
        Assert.Equal(Orders, keys.Count(k => k.StartsWith("submit-order/", StringComparison.Ordinal)));
        Assert.Equal(Payments, keys.Count(k => k.StartsWith("capture-payment/", StringComparison.Ordinal)));
    }
}
