using System.Net;
using Messaging.Services;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>RabbitMQ closes a channel that publishes to an exchange it does not know, and with it whatever shares the channel.</summary>
public sealed class UnknownExchangeTests(SharedServers servers)
{
    private const string Exchange = "Somebody:Happened";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task An_event_whose_exchange_nobody_declared_holds_up_no_message_behind_it()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1);

        await SendEventAsync(deployment, 1);
        using var answer = await deployment.SubmitAsync("api/orders", "behind", """{"item":"book","quantity":1}""");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);

        await deployment.DrainedAsync(Limit);
        Assert.Equal(1, await deployment.CountAsync("SELECT count(*) FROM orders"));
        await using var connection = await deployment.Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        await channel.ExchangeDeclarePassiveAsync(Exchange, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_event_whose_exchange_exists_with_other_properties_is_published_to_it()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);
        await using (var connection = await deployment.Host.ConnectAsync())
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
            await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Topic, durable: true, autoDelete: false, cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueueDeclareAsync("theirs", durable: true, exclusive: false, autoDelete: false, cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueueBindAsync("theirs", Exchange, "#", cancellationToken: TestContext.Current.CancellationToken);
        }

        await SendEventAsync(deployment, 3);

        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);
        Assert.Equal(["happened/1", "happened/2", "happened/3"], (await deployment.DrainKeysAsync("theirs")).Order());
    }

    [Fact]
    public async Task An_event_that_the_broker_refuses_by_closing_the_channel_stays_pending_and_holds_up_no_message_beside_it()
    {
        var broker = await servers.RabbitMqAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1);
        await Amqp.DeclareInternalAsync(broker, deployment.Host, Exchange);

        await SendEventAsync(deployment, 2);
        await Eventually.Equal(2L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages WHERE attempts > 0 AND last_error LIKE '%ACCESS_REFUSED%'"), Limit);
        for (var i = 0; i < 5; i++)
        {
            using var answer = await deployment.SubmitAsync("api/orders", $"beside-{i}", """{"item":"book","quantity":1}""");
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }

        await Eventually.Equal(5L, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
        Assert.Equal(2, await deployment.CountAsync("SELECT count(*) FROM outgoing_messages WHERE attempts > 0"));
        await Amqp.WithChannelAsync(deployment.Host, channel => channel.ExchangeDeleteAsync(Exchange, cancellationToken: TestContext.Current.CancellationToken));
        await deployment.DrainedAsync(Limit);
    }

    /// <summary>As a handler leaves them whose process has died: rows without a lease.</summary>
    private static async Task SendEventAsync(Deployment deployment, int count) => await deployment.TextsAsync($"""
        INSERT INTO outgoing_messages (id, destination, message_type, body, client, idempotency_key, accepted_at_ms, attempts, leased_until_ms)
        SELECT gen_random_uuid(), 'exchange:{Exchange}', 'urn:message:{Exchange}', '[]', 'acme', 'happened/' || n, 1, 0, 0 FROM generate_series(1, {count}) AS n
        RETURNING destination
        """);
}
