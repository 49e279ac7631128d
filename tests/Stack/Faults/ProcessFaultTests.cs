using Messaging.Services;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Stack;

/// <summary>Consumers that die over and over, and one that was thought dead.</summary>
public sealed class ProcessFaultTests(SharedServers servers)
{
    private const int Crashes = 25;
    private const int BatchSize = 500;

    /// <summary>More than crashes: each may be blamed on another message, and whatever is blamed too often is parked as fatal.</summary>
    private const int Backlog = 30;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>However long a consumer is frozen: what it finds afterwards must be the server's word, not that its handler took too long.</summary>
    private static readonly Dictionary<string, string?> PatientHandlers = new() { ["Inbox__HandlerTimeoutMilliseconds"] = "600000" };

    /// <summary>RabbitMQ 4 drops a message after 20 deliveries unless told otherwise.</summary>
    [Fact(Explicit = true)]
    public async Task Row16_twenty_five_crashes_on_one_backlog_drop_nothing()
    {
        var broker = await servers.RabbitMqAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 0);
        TestContext.Current.TestOutputHelper?.WriteLine($"RabbitMQ {await broker.VersionAsync()}");
        await AssertDeliveryLimitAsync(deployment, "orders");
        var journal = await BacklogAsync(deployment, Backlog);
        for (var crash = 0; crash < Crashes; crash++)
        {
            await using var consumer = deployment.Start("Consumer", ("MESSAGING_CRASH_POINT", "C4"));
            Assert.Equal(128 + 9, await consumer.WaitForExitAsync(Limit));
        }

        await deployment.AddConsumerAsync();
        await Eventually.Equal((long)Backlog, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    /// <summary>
    /// Frozen with two thousand deliveries in its hands and a transaction open, until the broker has given the former to another and the server
    /// has ended the latter: then it goes on, and its commit and its acknowledgements come to nothing.
    /// </summary>
    [Fact]
    public async Task Row17_a_consumer_frozen_until_its_messages_went_to_another_doubles_none_of_them()
    {
        const int Messages = 5000;
        const string Working = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'INSERT INTO orders%' AND now() - xact_start BETWEEN '50 ms' AND '800 ms'";
        const string Open = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND state_change < now() - interval '1 s'";
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, settings: PatientHandlers);
        var zombie = deployment.Consumers[0];

        // Orders that take their time, a batch of them a second: it is in the middle of one when it is frozen, and not at its COMMIT, which would leave no transaction open.
        await deployment.ExecuteAsync("""
            CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
            CREATE TRIGGER linger BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION linger();
            """);
        var journal = await BacklogAsync(deployment, Messages);
        await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM orders") > 0, Limit);
        await Eventually.True(async () => await deployment.CountAsync($"SELECT count(*) {Working}") > 0, Limit);
        zombie.Send(Signal.Stop);
        var told = Task.CompletedTask;
        try
        {
            await Eventually.True(async () => await deployment.CountAsync($"SELECT count(*) {Open}") > 0);

            // Nobody else is there yet: what is unacknowledged is in its hands, and too much to be in its two open transactions.
            var held = await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Unacknowledged: > 2 * BatchSize }, Limit);
            TestContext.Current.TestOutputHelper?.WriteLine($"frozen with {held?.Unacknowledged} deliveries, {await deployment.CountAsync("SELECT count(*) FROM orders")} done");
            await deployment.AddConsumerAsync();

            // The broker gives up on its heartbeats, and hands what it held to the other one; the server gives up on its transaction, as
            // idle_in_transaction_session_timeout has it.
            await Eventually.Equal(1u, () => deployment.Host.ConsumersAsync("orders"), Limit);
            Assert.InRange(await deployment.CountAsync("SELECT count(*) FROM orders"), 0, Messages - 1);
            await deployment.ExecuteAsync($"SELECT pg_terminate_backend(pid) {Open}");
            await Eventually.Equal((long)Messages, () => deployment.CountAsync("SELECT count(*) FROM orders"), Limit);

            // Waited for before it prints them: EF Core tells each failed batch in a thousand lines, and only the last ones are kept.
            told = Task.WhenAll(
                zombie.Output.WaitForLineAsync("Holding what has been received until the database is back", Limit),
                zombie.Output.WaitForLineAsync("The queue orders is not received until the broker is back", Limit));
        }
        finally
        {
            zombie.Send(Signal.Continue);
        }

        // It finds its transaction ended, and the connection closed under it: no acknowledgement of what it had held could count.
        await told;
        await zombie.WaitUntilReadyAsync();
        await deployment.DrainedAsync(Limit);
        Assert.Equal(Messages, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>The broker's own word: it refuses another limit, and names the one that it has.</summary>
    private static async Task AssertDeliveryLimitAsync(Deployment deployment, string queue)
    {
        var other = new Dictionary<string, object?>(Amqp.Quorum) { ["x-delivery-limit"] = 20 };
        var refusal = await Assert.ThrowsAsync<OperationInterruptedException>(() => Amqp.DeclareAsync(deployment.Host, queue, other));
        Assert.Contains("inequivalent arg 'x-delivery-limit'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("current is '1000000000'", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task<Journal> BacklogAsync(Deployment deployment, int count)
    {
        var journal = new Journal();
        await deployment.PublishAsync(journal, Enumerable.Range(1, count).Select(i => Request.Order($"k{i}", i)));
        return journal;
    }
}
