using MassTransit;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using static Messaging.Stack.OwnConsumerHost;

namespace Messaging.Stack;

/// <summary>What a consumer in MassTransit's consume pipe meets and cannot help: a defect of the inbox, the end of the process, an outage.</summary>
public sealed class OwnConsumerOutageTests(SharedServers servers)
{
    [Theory]
    [InlineData("awaits")]
    [InlineData("swallows")]
    [InlineData("does not await")]
    public async Task What_the_inbox_itself_fails_on_stays_with_the_broker(string consumer)
    {
        await using var deployment = await servers.StartAsync();
        using var host = await deployment.ConsumeAsync(Consumer(consumer), services =>
        {
            foreach (var registered in services.Where(s => s.ServiceType == typeof(IInbox)).ToList())
            {
                services.Remove(registered);
                services.AddSingleton<IInbox>(s => new GivesUpOnce((IInbox)registered.ImplementationFactory!(s)));
            }
        });

        await deployment.PublishAsync("orders", [Message("k")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["k"], await deployment.EffectsAsync());
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertNoQueueOfMassTransitAsync();
    }

    /// <summary>Somebody holds the inbox, so that nothing can be committed until the process has ended; or the consumer ends before its call.</summary>
    [Theory]
    [InlineData("awaits")]
    [InlineData("swallows")]
    [InlineData("does not await")]
    [InlineData("waits for the end")]
    public async Task Row18_what_a_consumer_meets_at_the_end_of_the_process_parks_nothing_and_loses_nothing(string consumer)
    {
        await using var deployment = await servers.StartAsync();
        var entered = new Entered();
        await using var holder = await HoldInboxAsync(deployment);
        IHost? host = null;
        host = await deployment.ConsumeAsync(
            endpoint =>
            {
                endpoint.UseFilter(new KeyFilter(_ => entered.Count()));
                Consumer(consumer, () => host!.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping)(endpoint);
            },
            services => services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(5)));
        using (host)
        {
            await deployment.PublishAsync("orders", Enumerable.Range(0, Fine).Select(i => Message($"k{i}")));
            await Eventually.Equal(Fine, () => Task.FromResult(entered.Times), Limit);
            await host.StopAsync(TestContext.Current.CancellationToken);
        }

        await Eventually.Equal(((uint)Fine, 0u), () => deployment.Host.CountAsync("orders"), Limit);
        await holder.DisposeAsync();
        Assert.Equal(0, await deployment.CountAsync("SELECT (SELECT count(*) FROM parked_messages) + (SELECT count(*) FROM orders)"));
    }

    /// <summary>Two attempts, and each message needs both when its database is back: an outage that counted as one would park it.</summary>
    [Fact]
    public async Task Row08_pipe_code_that_meets_an_outage_of_the_database_parks_nothing()
    {
        await using var postgres = await SharedServers.OwnPostgresAsync();
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres, consumers: 0);
        var entered = new Entered();
        using var host = await deployment.ConsumeAsync(
            endpoint =>
            {
                endpoint.UseFilter(new Asks(deployment.ConnectionString, entered));
                endpoint.Consumer<OrderConsumer>();
            },
            services => services.Configure<InboxOptions>(o => o.MaxAttempts = 2));

        await postgres.KillAsync();
        await deployment.PublishAsync("orders", Enumerable.Range(0, Fine).Select(i => Message($"k{i}")));
        await Eventually.Equal(Fine, () => Task.FromResult(entered.Times), Limit);
        await postgres.StartAsync();
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Fine, (await deployment.EffectsAsync()).Count);
        Assert.Equal(3 * Fine, entered.Times);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    /// <param name="kind">What it does with the call.</param>
    /// <param name="stopping">For one that waits for the end of the process before it.</param>
    private static Action<IReceiveEndpointConfigurator> Consumer(string kind, Func<CancellationToken>? stopping = null) => endpoint => endpoint.Handler<SubmitOrder>(async context =>
    {
        switch (kind)
        {
            case "swallows":
                await context.ProcessOnceAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            case "does not await":
                _ = context.ProcessOnceAsync();
                return;
            case "waits for the end":
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping!());
                return;
            default:
                await context.ProcessOnceAsync();
                return;
        }
    });

    private static async Task<NpgsqlConnection> HoldInboxAsync(Deployment deployment)
    {
        var connection = new NpgsqlConnection(deployment.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return connection;
    }
}
