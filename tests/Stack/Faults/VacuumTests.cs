using System.Globalization;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A transaction that somebody forgot to end: PostgreSQL removes nothing that it might still want to see.</summary>
public sealed class VacuumTests(SharedServers servers)
{
    private const int Orders = 6000;
    private const int Forgotten = 20_000;
    private const int Pairs = 3;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact(Explicit = true)]
    public async Task Row22_a_held_vacuum_horizon_leaves_a_consumer_nine_tenths_of_its_throughput()
    {
        var settings = new Dictionary<string, string?> { ["Retention__IntervalSeconds"] = "1" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, settings);
        await RunBacklogAsync(deployment, "warm", held: false);
        var rates = new Dictionary<bool, List<double>> { [false] = [], [true] = [] };
        for (var pair = 0; pair < Pairs; pair++)
        {
            foreach (var held in (bool[])[pair % 2 == 0, pair % 2 != 0])
            {
                rates[held].Add(await RunBacklogAsync(deployment, $"{(held ? "held" : "free")}-{pair}", held));
            }
        }

        var (free, hindered) = (Median(rates[false]), Median(rates[true]));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"orders/s free {string.Join(" ", rates[false].Select(r => $"{r:0}"))}, held {string.Join(" ", rates[true].Select(r => $"{r:0}"))}, ratio {hindered / free:0.00}"));
        Assert.True(hindered / free >= 0.9, $"{hindered:0} orders/s with a held horizon, {free:0} without");
    }

    /// <summary>A backlog is laid up while the consumer is stopped, beside keys that retention deletes meanwhile; then it is worked off.</summary>
    private static async Task<double> RunBacklogAsync(Deployment deployment, string name, bool held)
    {
        await deployment.CountAsync("VACUUM inbox, outgoing_messages, orders");
        await using var holder = held ? await deployment.HoldSnapshotAsync() : null;
        deployment.Consumers[0].Send(Signal.Stop);
        await deployment.PublishAsync("orders", Enumerable.Range(0, Orders).Select(i => (
            """{"item":"book","quantity":1}"""u8.ToArray(), new Dictionary<string, object?> { ["Idempotency-Key"] = $"{name}-{i}" }, (string?)null)));
        await deployment.CountAsync($"""
            INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms, status, completed_at_ms)
            SELECT gen_random_uuid(), 'old', 'old', '{name}-' || n, '\x00', gen_random_uuid(), n, n, 'created', n FROM generate_series(1, {Forgotten}) AS n
            """);
        var from = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        deployment.Consumers[0].Send(Signal.Continue);
        await Eventually.Equal((long)Orders, () => deployment.CountAsync($"SELECT count(*) FROM inbox WHERE client <> 'old' AND idempotency_key LIKE '{name}-%'"), Limit);
        var until = await deployment.CountAsync($"SELECT max(completed_at_ms) FROM inbox WHERE client <> 'old' AND idempotency_key LIKE '{name}-%'");
        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM inbox WHERE client = 'old'"), Limit);
        await deployment.DrainedAsync(Limit);
        var horizon = await deployment.CountAsync("SELECT COALESCE(MAX(age(backend_xmin)), 0) FROM pg_stat_activity WHERE datname = current_database()");
        Assert.True(!held || horizon >= Orders / 500, $"The horizon was held back by {horizon} transactions only.");
        return Orders * 1000.0 / (until - from);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
