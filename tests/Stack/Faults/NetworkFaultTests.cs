using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// The network between all services and one server is slow, narrow, resets its connections, or swallows what it is given. While it is slow
/// or narrow everything goes on; what a reset or a half-open connection held up goes out when the network is well again.
/// </summary>
public sealed class NetworkFaultTests(SharedServers servers)
{
    private const int Load = 40;
    private const int Resets = 5;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private enum Network
    {
        Slow,
        Narrow,
        Resetting,
        HalfOpen,
    }

    [Fact]
    public async Task Row02_whatever_the_network_to_the_broker_does_each_order_takes_effect_once()
    {
        var broker = await servers.RabbitMqAsync();
        FaultProxy? proxy = null;
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), address: host =>
        {
            proxy = new FaultProxy(host.Uri.Host, host.Uri.Port);
            return new UriBuilder(host.Uri) { Host = "127.0.0.1", Port = proxy.Port }.Uri.ToString();
        });
        await using (proxy)
        {
            // Orders are accepted without the broker; their messages wait.
            await RunAsync(deployment, proxy!, async (_, work) =>
            {
                await work;
                await Eventually.Equal((long)Load, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);
            });
        }
    }

    [Fact]
    public async Task Row08_whatever_the_network_to_the_database_does_each_order_takes_effect_once()
    {
        FaultProxy? proxy = null;
        var settings = new Dictionary<string, string?> { ["Accept__TimeoutMilliseconds"] = "2000" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), settings: settings, database: text =>
        {
            var server = new Npgsql.NpgsqlConnectionStringBuilder(text);
            proxy = new FaultProxy(server.Host!, server.Port);
            return CommitCutter.Through(proxy, text);
        });
        await using (proxy)
        {
            // Nobody is told that an order was accepted before it is committed.
            await RunAsync(deployment, proxy!, (journal, _) => Eventually.True(() => journal.Entries.Any(e => e.Answer == Journal.Answer.Unknown), Limit));
        }
    }

    /// <summary>One fault after the other, each on what the one before has left.</summary>
    /// <param name="deployment">Behind the proxy.</param>
    /// <param name="proxy">Before one server.</param>
    /// <param name="stuckAsync">Waits until a half-open network has held up the work.</param>
    private static async Task RunAsync(Deployment deployment, FaultProxy proxy, Func<Journal, Task, Task> stuckAsync)
    {
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        var submitted = 0L;
        await SubmitAsync("before");
        await SettleAsync();
        foreach (var network in Enum.GetValues<Network>())
        {
            await MeetAsync(network);
            await SubmitAsync($"after-{network}");
            await SettleAsync();
        }

        async Task MeetAsync(Network network)
        {
            switch (network)
            {
                case Network.Slow:
                    proxy.Latency = TimeSpan.FromMilliseconds(200);
                    await SubmitAsync("slow");
                    await ProcessedAsync();
                    proxy.Latency = TimeSpan.Zero;
                    break;
                case Network.Narrow:
                    proxy.BytesPerSecond = 32_000;
                    await SubmitAsync("narrow");
                    await ProcessedAsync();
                    proxy.BytesPerSecond = 0;
                    break;
                case Network.Resetting:
                    await ResetUnderLoadAsync();
                    break;
                default:
                    proxy.Swallows = true;
                    var work = SubmitAsync("half-open");
                    await stuckAsync(journal, work);
                    // A stream with a hole in it must not go on: no TCP would deliver it.
                    proxy.Swallows = false;
                    proxy.ResetAll();
                    await work;
                    break;
            }
        }

        async Task ResetUnderLoadAsync()
        {
            for (var reset = 0; reset < Resets; reset++)
            {
                var before = journal.Entries.Count;
                var round = SubmitAsync($"reset-{reset}");
                await Eventually.True(() => journal.Entries.Count > before, Limit);
                // Those that were reset a moment ago may not have come back yet.
                await Eventually.True(() => proxy.ResetAll() > 0, Limit);
                await round;
            }
        }

        Task SubmitAsync(string name)
        {
            submitted += Load;
            return caller.SubmitAsync(BrokerFaultTests.Requests(name, Load));
        }

        Task ProcessedAsync() => Eventually.Equal(submitted, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);

        async Task SettleAsync()
        {
            await ProcessedAsync();
            await deployment.DrainedAsync(Limit);
            Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
            Assert.Empty(await deployment.JudgeAsync(journal));
        }
    }
}
