using Messaging.Contracts;
using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>
/// I8: what a service holds while the other side takes nothing has a bound: deliveries and connections; memory as far as an upper bound tells
/// (what is handed over in memory, DispatchContract counts). No endpoint stalls another.
/// </summary>
public sealed class BoundsTests(SharedServers servers)
{
    private const int Callers = 64;
    internal const int MaxConnections = 12;
    internal const long MaxMegaBytes = 400;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task I8_while_the_handlers_of_one_endpoint_wait_it_holds_its_prefetch_and_the_other_goes_on()
    {
        const int prefetch = 200, backlog = 3_000, payments = 100;
        var settings = new Dictionary<string, string?> { ["Inbox__PrefetchCount"] = $"{prefetch}", ["Inbox__MaxBatchSize"] = "50" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, settings, database: Named);
        var journal = new Journal();
        await using (var watch = new BoundsWatch(deployment, deployment.Consumers[0]))
        {
            await using (await LockOrdersAsync(deployment))
            {
                await deployment.PublishAsync(journal, Enumerable.Range(1, backlog).Select(i => Request.Order($"o{i}", i)));
                await deployment.PublishAsync(journal, Enumerable.Range(1, payments).Select(i => Request.Payment($"p{i}", i)));

                await Eventually.Equal((long)payments, () => deployment.CountAsync("SELECT count(*) FROM inbox WHERE status IS NOT NULL"), Limit);
                var queue = await Eventually.Satisfies(
                    async () => await deployment.Host.QueueAsync(SubmitOrder.Queue), q => q is { } seen && seen.Ready + seen.Unacknowledged == backlog, Limit);
                Assert.Equal((backlog - prefetch, prefetch), ((int)queue!.Value.Ready, (int)queue.Value.Unacknowledged));
            }

            await deployment.DrainedAsync(Limit);
            watch.MustBeWithin(MaxConnections, MaxMegaBytes);
        }

        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    [Fact]
    public async Task I8_while_there_is_no_broker_a_publisher_takes_all_orders_over_a_handful_of_connections()
    {
        const int orders = 3_000;
        await using var deployment = await Deployment.StartAsync(
            await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, address: _ => $"amqp://127.0.0.1:{FreePort.Next()}/", database: Named);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await using var watch = new BoundsWatch(deployment, deployment.Publisher);

        await Parallel.ForEachAsync(
            Enumerable.Range(1, orders), new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = TestContext.Current.CancellationToken },
            async (i, cancelled) => Assert.True(await caller.TryAsync(Request.Order($"o{i}", i), cancelled)));

        Assert.Equal(orders, await deployment.CountAsync("SELECT count(*) FROM outgoing_messages"));
        watch.MustBeWithin(MaxConnections, MaxMegaBytes);
    }

    /// <summary>So that the service's connections can be told from the test's.</summary>
    internal static string Named(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { ApplicationName = BoundsWatch.Application }.ConnectionString;

    private static async Task<NpgsqlConnection> LockOrdersAsync(Deployment deployment)
    {
        var connection = new NpgsqlConnection(deployment.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE orders IN SHARE MODE", connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return connection;
    }
}
