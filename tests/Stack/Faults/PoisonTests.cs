using Messaging.Consumer;
using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>
/// A message of which the database itself makes poison, by a trigger: its handler always fails, or its write never ends. What a handler
/// can do wrong in code is tried on the engine (HandlerFailureContract, HandlerTimeoutContract).
/// </summary>
public sealed class PoisonTests(SharedServers servers)
{
    private const int Orders = 60;
    private const int Payments = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("RAISE EXCEPTION 'this order cannot be'", "this order cannot be", ReceiveWay.Direct, ReceiveWay.ConsumePipe)]
    [InlineData("RAISE EXCEPTION 'this order cannot be'", "this order cannot be", ReceiveWay.ReceivePipe, ReceiveWay.Direct)]
    [InlineData("RAISE EXCEPTION 'this order cannot be'", "this order cannot be", ReceiveWay.ConsumePipe, ReceiveWay.ReceivePipe)]
    [InlineData("PERFORM pg_sleep(600)", "imeout", ReceiveWay.ConsumePipe, ReceiveWay.ConsumePipe)]
    public async Task Row15_a_message_that_always_fails_or_never_ends_is_parked_and_its_neighbours_take_effect_once(string poison, string error, ReceiveWay orders, ReceiveWay payments)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Inbox__MaxAttempts"] = "2",
            ["Inbox__RetryDelayMilliseconds"] = "20",
            ["Orders__Way"] = $"{orders}",
            ["Payments__Way"] = $"{payments}",
        };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings, database: Impatient);
        await PoisonAsync(deployment, poison);
        var journal = new Journal();
        await deployment.PublishAsync(journal, Enumerable.Range(1, Orders).Select(i => Request.Order(i == Orders / 2 ? "poison" : $"o{i}", i)));
        await deployment.PublishAsync(journal, Enumerable.Range(1, Payments).Select(i => Request.Payment($"p{i}", i)));

        await deployment.AddConsumerAsync();
        await Eventually.Equal(Orders + Payments - 1L, () => deployment.CountAsync("SELECT count(*) FROM inbox WHERE status IS NOT NULL"), Limit);
        await Eventually.Equal(1L, () => deployment.CountAsync("SELECT count(*) FROM parked_messages"), Limit);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["poison"], await deployment.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Contains(error, Assert.Single(await deployment.TextsAsync("SELECT error FROM parked_messages")), StringComparison.Ordinal);
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>Half a minute is the driver's own patience with a statement.</summary>
    private static string Impatient(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { CommandTimeout = 2 }.ConnectionString;

    private static async Task PoisonAsync(Deployment deployment, string poison)
    {
        await using var connection = new NpgsqlConnection(deployment.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"""
            CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {poison}; RETURN NEW; END $$;
            CREATE TRIGGER poison BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.idempotency_key = 'poison') EXECUTE FUNCTION poison();
            """, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
