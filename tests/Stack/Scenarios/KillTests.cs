using System.Net;
using System.Text.Json;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The whole chain under SIGKILL and a broker restart. One consumer receives directly, the other through MassTransit's endpoint.</summary>
public sealed class KillTests(SharedServers servers)
{
    private const int Orders = 2000;
    private const int Payments = 200;
    private const int Callers = 16;
    private const int Kills = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Two_thousand_orders_submitted_three_times_take_effect_once_through_ten_kills_and_a_broker_restart()
    {
        await using var broker = await SharedServers.OwnRabbitMqAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync());
        await deployment.SubscribeAsync("listener");
        var stop = TestContext.Current.CancellationToken;

        var ids = new string?[Orders];
        var submitting = Parallel.ForAsync(0, Orders * 3, new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = stop }, async (i, _) =>
        {
            var order = i % Orders;
            var id = await AcceptedIdAsync(deployment, "api/orders", $"order-{order}", $$"""{"item":"item {{order}}","quantity":{{1 + (order % 7)}}}""", "order_id");
            var first = Interlocked.CompareExchange(ref ids[order], id, null);
            Assert.True(first is null || first == id, $"order {order} was answered with two ids");
        });
        var paying = Parallel.ForAsync(0, Payments * 3, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = stop }, async (i, _) =>
            await AcceptedIdAsync(deployment, "api/payments", $"payment-{i % Payments}", $$"""{"amount":{{1 + (i % Payments)}}.25}""", "payment_id"));

        for (var kill = 0; kill < Kills; kill++)
        {
            // Each kill hits a consumer that has work: some effects have been added since the last one, or all are done.
            var before = await deployment.CountAsync("SELECT count(*) FROM inbox");
            await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") is var now && (now > before || now == Orders + Payments), Limit);
            var target = deployment.Consumers[kill % 2];
            await target.KillAsync();
            if (kill == Kills / 2)
            {
                await broker.RestartAsync();
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
        Assert.Equal(Orders, ids.Distinct().Count());
        Assert.Equal(Payments, await deployment.CountAsync("SELECT count(*) FROM ledger"));
        var expected = Enumerable.Range(1, Payments).Sum(i => i + 0.25m);
        Assert.Equal((long)(expected * 100), await deployment.CountAsync("SELECT (amount * 100)::bigint FROM balances"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertAtomicAsync();
        var keys = await deployment.DrainKeysAsync("listener");
        Assert.Equal(Orders, keys.Count(k => k.StartsWith("submit-order/", StringComparison.Ordinal)));
        Assert.Equal(Payments, keys.Count(k => k.StartsWith("capture-payment/", StringComparison.Ordinal)));
    }

    private static async Task<string> AcceptedIdAsync(Deployment deployment, string path, string key, string json, string idMember)
    {
        using var response = await deployment.SubmitAsync(path, key, json);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{(int)response.StatusCode} {body}");
        using var document = JsonDocument.Parse(body);
        return document.RootElement.GetProperty(idMember).GetString()!;
    }
}
