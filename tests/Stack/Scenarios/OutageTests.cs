using System.Net;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The broker or the database is away for a while; nobody is at fault, nothing is lost, nothing is parked.</summary>
public sealed class OutageTests(SharedServers servers, OwnBroker own) : IClassFixture<OwnBroker>
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Row04_orders_are_accepted_while_the_broker_is_down_and_go_out_when_it_is_back()
    {
        var broker = await own.TakeAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1);
        await broker.StopAsync();

        await SubmitAsync(deployment, 0, 50);
        await deployment.Publisher.WaitUntilReadyAsync();
        Assert.Equal(50, await deployment.CountAsync("SELECT count(*) FROM outgoing_messages"));
        await deployment.Publisher.KillAsync();
        await broker.StartAsync();
        await deployment.Publisher.StartAgainAsync();

        await Eventually.Equal(50L, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
        await deployment.DrainedAsync(Limit);
        await deployment.AssertAtomicAsync();
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        own.GiveBack();
    }

    [Fact]
    public async Task What_is_published_before_the_first_consumer_start_is_not_lost()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);

        await SubmitAsync(deployment, 0, 20);
        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Ready: 20 }, Limit);
        await deployment.AddConsumerAsync();

        await deployment.DrainedAsync(Limit);
        Assert.Equal(20, await deployment.CountAsync("SELECT count(*) FROM orders"));
    }

    [Fact]
    public async Task Row08_the_consumers_hold_what_they_have_while_the_database_is_down_and_park_nothing()
    {
        await using var postgres = await SharedServers.OwnPostgresAsync();
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres);
        await SubmitAsync(deployment, 0, 20);
        await deployment.DrainedAsync(Limit);

        await postgres.KillAsync();
        await deployment.PublishAsync("orders", Enumerable.Range(0, 50).Select(i =>
            ("""{"item":"book","quantity":1}"""u8.ToArray(), new Dictionary<string, object?> { ["Idempotency-Key"] = $"foreign-{i}" }, (string?)null)));
        using (var refused = await deployment.SubmitAsync("api/orders", "while-down", """{"item":"book","quantity":1}"""))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Unacknowledged: 50 }, Limit);
        await postgres.StartAsync();

        await Eventually.Succeeds(async () => await SubmitAsync(deployment, 20, 40), Limit);
        await Eventually.Equal(90L, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
        await deployment.DrainedAsync(Limit);
        await deployment.AssertAtomicAsync();
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    [Fact]
    public async Task Row08_a_paused_database_refuses_callers_and_takes_nothing_from_the_queue_for_good()
    {
        await using var postgres = await SharedServers.OwnPostgresAsync();
        var settings = new Dictionary<string, string?> { ["Accept__TimeoutMilliseconds"] = "2000" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres, consumers: 1, settings);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(BrokerFaultTests.Requests("before", 20));
        await deployment.DrainedAsync(Limit);

        await postgres.PauseAsync();
        var foreign = Enumerable.Range(0, 50).Select(i => Request.Order($"foreign-{i}")).ToList();
        await deployment.PublishAsync("orders", foreign.Select(r =>
            (System.Text.Encoding.UTF8.GetBytes(r.Json), new Dictionary<string, object?> { ["Idempotency-Key"] = r.Key }, (string?)null)));
        foreign.ForEach(r => journal.Confirmed(r));
        var paused = Request.Order("while-paused");
        journal.Unknown(paused);
        using (var refused = await deployment.SubmitAsync(paused.Path, paused.Key, paused.Json))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Unacknowledged: 50 }, Limit);
        await postgres.ResumeAsync();

        await caller.SubmitAsync(BrokerFaultTests.Requests("after", 20));
        await deployment.DrainedAsync(Limit);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        // The one that was refused may have been committed once the server went on: unknown is 0 or 1.
        Assert.InRange(await deployment.CountAsync("SELECT count(*) FROM inbox"), 90, 91);
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    [Fact]
    public async Task Row04_a_frozen_broker_stops_no_caller_and_what_waited_for_it_goes_out_when_it_goes_on()
    {
        var broker = await own.TakeAsync();
        var settings = new Dictionary<string, string?> { ["Dispatch__ConfirmTimeoutMilliseconds"] = "2000" };
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1, settings);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(BrokerFaultTests.Requests("before", 20));
        await deployment.DrainedAsync(Limit);

        await broker.PauseAsync();
        await caller.SubmitAsync(BrokerFaultTests.Requests("frozen", 40));
        Assert.All(journal.Entries, e => Assert.Equal(Journal.Answer.Accepted, e.Answer));
        Assert.Equal(40, await deployment.CountAsync("SELECT count(*) FROM outgoing_messages"));
        await broker.ResumeAsync();

        await Eventually.Equal(60L, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        own.GiveBack();
    }

    [Fact]
    public async Task Row03_a_deleted_queue_raises_an_alarm_and_is_declared_again_and_what_went_with_it_is_published_again()
    {
        var settings = new Dictionary<string, string?> { ["Reconcile__OlderThanSeconds"] = "2", ["Reconcile__IntervalSeconds"] = "2" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(Orders("lost"));
        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Ready: >= 20 }, Limit);

        // With nobody to take them, all twenty go with the queue; those that come next are returned, and kept.
        await DeleteOrdersAsync(deployment);
        await caller.SubmitAsync(Orders("returned"));
        await deployment.Publisher.Output.WaitForLineAsync("to queue:orders stays pending: returned: 312", Limit);
        await deployment.Publisher.Output.WaitForLineAsync("submissions had no outcome and no message on its way", Limit);
        await deployment.AddConsumerAsync();
        await deployment.AddConsumerAsync();
        await RestAsync(40);

        // And under two that listen to it, one directly and one in MassTransit: both listen to the new one.
        await DeleteOrdersAsync(deployment);
        await caller.SubmitAsync(Orders("listened"));
        await Eventually.Equal(2u, () => deployment.Host.ConsumersAsync("orders"), Limit);
        await RestAsync(60);

        async Task RestAsync(long orders)
        {
            await Eventually.Equal(orders, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
            await deployment.DrainedAsync(Limit);
            Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
            Assert.Empty(await deployment.JudgeAsync(journal));
        }
    }

    [Fact]
    public async Task What_a_broker_loses_is_made_up_for_by_the_reconciler()
    {
        var settings = new Dictionary<string, string?> { ["Reconcile__OlderThanSeconds"] = "2", ["Reconcile__IntervalSeconds"] = "1" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings);
        await SubmitAsync(deployment, 0, 30);
        // Or more: with nobody to consume them, the reconciler sends them again at twice, four times … the age.
        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Ready: >= 30 }, Limit);
        await using (var connection = await deployment.Host.ConnectAsync())
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueuePurgeAsync("orders", TestContext.Current.CancellationToken);
        }

        await deployment.AddConsumerAsync();

        await Eventually.Equal(30L, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
        await deployment.DrainedAsync(Limit);
        await deployment.AssertAtomicAsync();
    }

    private static IEnumerable<Request> Orders(string purpose) => Enumerable.Range(1, 20).Select(i => Request.Order($"{purpose}-{i}", i));

    private static async Task DeleteOrdersAsync(Deployment deployment)
    {
        await using var connection = await deployment.Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        await channel.QueueDeleteAsync("orders", ifUnused: false, ifEmpty: false, cancellationToken: TestContext.Current.CancellationToken);
    }

    private static Task SubmitAsync(Deployment deployment, int from, int to) => Parallel.ForAsync(from, to, async (i, _) =>
    {
        using var response = await deployment.SubmitAsync("api/orders", $"order-{i}", """{"item":"book","quantity":1}""");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    });
}
