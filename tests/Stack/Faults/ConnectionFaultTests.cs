using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// The database lives, and lets nobody in or throws everybody out while there is work. What that leaves of the speed is measured in
/// RecoveryTests, by hand; what it does to the messages, here.
/// </summary>
public sealed class ConnectionFaultTests(SharedServers servers)
{
    private const int Load = 2000;
    private const int Round = 200;
    private const int Kills = 5;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Row08_while_others_have_every_connection_the_consumers_are_not_ready_and_afterwards_they_finish_their_backlog()
    {
        await using var postgres = await SharedServers.OwnPostgresAsync();
        var settings = new Dictionary<string, string?> { ["Accept__TimeoutMilliseconds"] = "2000" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres, settings: settings);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await deployment.PublishAsync(journal, Orders("before", Load));
        await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") > 0, Limit);

        var order = Request.Order("while-hoarded");
        await using (await ConnectionHoard.TakeAsync(deployment.ConnectionString))
        {
            // There is a backlog, however quickly the first half was done.
            await deployment.PublishAsync(journal, Orders("meanwhile", Load));
            foreach (var consumer in deployment.Consumers)
            {
                await Eventually.True(async () => !await ReadyAsync(consumer), Limit, "the consumer to say that it has no database");
            }

            Assert.False(await caller.TryAsync(order, TestContext.Current.CancellationToken));
            await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { } queue && queue.Ready + queue.Unacknowledged >= Load, Limit);
        }

        await caller.SubmitAsync(order);
        foreach (var consumer in deployment.Consumers)
        {
            await consumer.WaitUntilReadyAsync();
        }

        await RestAsync(deployment, journal, (2 * Load) + 1);
    }

    [Fact]
    public async Task Row08_backends_killed_five_times_under_load_lose_and_double_nothing()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync());
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        var atWork = 0;
        for (var kill = 1; kill <= Kills; kill++)
        {
            var answers = journal.Entries.Count;
            var done = await Eventually.Satisfies(() => deployment.CountAsync("SELECT count(*) FROM inbox"), _ => true, Limit);
            await deployment.PublishAsync(journal, Orders($"foreign-{kill}", Load / Kills));
            answers += Load / Kills;
            var submitting = caller.SubmitAsync(BrokerFaultTests.Requests($"own-{kill}", Round));
            await Eventually.True(async () => journal.Entries.Count > answers && await deployment.CountAsync("SELECT count(*) FROM inbox") > done, Limit);

            var killed = await deployment.TextsAsync(
                "SELECT concat(state, ' ', pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            Assert.NotEmpty(killed);
            atWork += killed.Count(k => k.StartsWith("active", StringComparison.Ordinal) || k.StartsWith("idle in transaction", StringComparison.Ordinal));
            await submitting;
        }

        Assert.True(atWork > 0, "No backend was in the middle of anything when it was killed.");
        await RestAsync(deployment, journal, Load + (Kills * Round));
    }

    private static IEnumerable<Request> Orders(string purpose, int count) => Enumerable.Range(1, count).Select(i => Request.Order($"{purpose}-{i}", i));

    private static async Task RestAsync(Deployment deployment, Journal journal, long effects)
    {
        await Eventually.Equal(effects, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    private static async Task<bool> ReadyAsync(ServiceProcess service)
    {
        using var answer = await service.Http.GetAsync(new Uri("health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        return answer.IsSuccessStatusCode;
    }
}
