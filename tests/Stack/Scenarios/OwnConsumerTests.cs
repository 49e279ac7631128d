using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Stack;

/// <summary>
/// Another team's consumers and filters between MassTransit's receive endpoint and the inbox. What these do right or wrong is told by the key
/// of each message; whatever it is, a message takes effect once or is parked, and none goes to a queue of MassTransit's.
/// </summary>
public sealed class OwnConsumerTests(SharedServers servers)
{
    private const int Fine = 20;

    private static readonly byte[] Book = """{"item":"book","quantity":1}"""u8.ToArray();

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Whatever_a_consumer_does_wrong_its_message_takes_effect_or_is_parked_and_its_neighbours_take_effect()
    {
        await using var deployment = await StartAsync();
        var late = new TaskCompletionSource<ConsumeContext<SubmitOrder>>();
        var times = 0;
        using var host = await ConsumeAsync(deployment, endpoint => endpoint.Handler<SubmitOrder>(async context =>
        {
            switch (context.Message.IdempotencyKey)
            {
                case "throws": throw new InvalidDataException("no such shelf");
                case "throws as a reader does": throw new JsonException("another service's answer");
                case "gives up": throw new OperationCanceledException("its own patience, not the process's end");
                case "calls too late":
                    late.TrySetResult(context);
                    return;
                case "throws once" when Interlocked.Increment(ref times) == 1: throw new InvalidDataException("not the second time");
                case "throws afterwards":
                    await context.ProcessOnceAsync();
                    throw new InvalidDataException("after the effect");
                case "throws and does not await":
                    _ = context.ProcessOnceAsync();
                    throw new InvalidDataException("before the effect, or after it");
                case "does not await":
                    _ = context.ProcessOnceAsync();
                    return;
                case "hands over twice":
                    await Task.WhenAll(context.ProcessOnceAsync(), context.ProcessOnceAsync());
                    await context.ProcessOnceAsync();
                    return;
                default:
                    await context.ProcessOnceAsync();
                    return;
            }
        }));

        string[] neither = ["calls too late", "gives up", "throws", "throws as a reader does"];
        string[] both = ["throws afterwards", "throws and does not await"];
        string[] effect = ["does not await", "hands over twice", "throws once", .. Enumerable.Range(0, Fine).Select(i => $"fine-{i}")];
        await deployment.PublishAsync("orders", [.. effect.Concat(neither).Concat(both).Select(Message)]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(neither.Concat(both).Order(StringComparer.Ordinal), await ParkedAsync(deployment, "poison"));
        Assert.Equal(effect.Concat(both).Order(StringComparer.Ordinal), await EffectsAsync(deployment));
        Assert.Equal(neither.Length + both.Length, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Contains("no such shelf", Assert.Single(await deployment.TextsAsync("SELECT error FROM parked_messages WHERE idempotency_key = 'throws'")), StringComparison.Ordinal);
        Assert.Contains("ProcessOnceAsync", Assert.Single(await deployment.TextsAsync("SELECT error FROM parked_messages WHERE idempotency_key = 'calls too late'")), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<InvalidOperationException>((await late.Task).ProcessOnceAsync);
        await AssertNoQueueOfMassTransitAsync(deployment);
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task The_filters_of_the_pipe_see_every_message_and_its_retries_are_its_own()
    {
        await using var deployment = await StartAsync();
        var seen = new ConcurrentBag<string>();
        using var host = await ConsumeAsync(deployment, endpoint =>
        {
            endpoint.UseMessageRetry(retry => retry.Immediate(3));
            endpoint.UseFilter(new KeyFilter(key =>
            {
                seen.Add(key);
                return key == "second time" && seen.Count(k => k == key) == 1 ? throw new TimeoutException("not the first time") : true;
            }));
            endpoint.Consumer<OrderConsumer>();
        });

        await deployment.PublishAsync("orders", [Message("once"), Message("second time")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["once", "second time", "second time"], seen.Order());
        Assert.Equal(["once", "second time"], await EffectsAsync(deployment));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await AssertNoQueueOfMassTransitAsync(deployment);
    }

    /// <summary>A filter that ends without calling the next one sends the message to <c>_skipped</c>, as does a type that nobody consumes.</summary>
    [Fact]
    public async Task What_no_consumer_gets_is_parked()
    {
        await using var deployment = await StartAsync();
        using var host = await ConsumeAsync(deployment, endpoint =>
        {
            endpoint.UseFilter(new KeyFilter(key => key != "held back"));
            endpoint.Consumer<OrderConsumer>();
        });

        await deployment.PublishAsync("orders", [Message("fine"), Message("held back")]);
        await using (var bus = await Bus.StartAsync(deployment.Host))
        {
            var fingerprint = new string('0', 64);
            await bus.SendAsync("exchange:orders", new OtherOrder("shop", "other", Guid.CreateVersion7(), fingerprint, TimeProvider.System.GetUtcNow(), "book", 1), "other");
            await bus.SendAsync("exchange:orders", new SubmitOrder("shop", "envelope", Guid.CreateVersion7(), fingerprint, TimeProvider.System.GetUtcNow(), "book", 1), "envelope");
        }

        await deployment.DrainedAsync(Limit);

        Assert.Equal(["held back", "other"], await ParkedAsync(deployment, "malformed"));
        Assert.Equal(2, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Equal(["envelope", "fine"], await EffectsAsync(deployment));
        await AssertNoQueueOfMassTransitAsync(deployment);
    }

    [Theory]
    [InlineData("awaits")]
    [InlineData("swallows")]
    [InlineData("does not await")]
    public async Task What_the_inbox_itself_fails_on_stays_with_the_broker(string consumer)
    {
        await using var deployment = await StartAsync();
        using var host = await ConsumeAsync(deployment, Consumer(consumer), services =>
        {
            foreach (var registered in services.Where(s => s.ServiceType == typeof(IInbox)).ToList())
            {
                services.Remove(registered);
                services.AddSingleton<IInbox>(s => new GivesUpOnce((IInbox)registered.ImplementationFactory!(s)));
            }
        });

        await deployment.PublishAsync("orders", [Message("k")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["k"], await EffectsAsync(deployment));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await AssertNoQueueOfMassTransitAsync(deployment);
    }

    /// <summary>Somebody holds the inbox, so that nothing can be committed until the process has ended; or the consumer ends before its call.</summary>
    [Theory]
    [InlineData("awaits")]
    [InlineData("swallows")]
    [InlineData("does not await")]
    [InlineData("waits for the end")]
    public async Task Row18_what_a_consumer_meets_at_the_end_of_the_process_parks_nothing_and_loses_nothing(string consumer)
    {
        await using var deployment = await StartAsync();
        var entered = new Entered();
        await using var holder = await HoldInboxAsync(deployment);
        IHost? host = null;
        host = await ConsumeAsync(
            deployment,
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

    [Fact]
    public async Task Row08_pipe_code_that_meets_an_outage_of_the_database_parks_nothing()
    {
        await using var postgres = await SharedServers.OwnPostgresAsync();
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres, consumers: 0);
        var entered = new Entered();
        using var host = await ConsumeAsync(
            deployment,
            endpoint =>
            {
                endpoint.UseFilter(new Asks(deployment.ConnectionString, entered));
                endpoint.Consumer<OrderConsumer>();
            },
            // What counted as an attempt would park it.
            services => services.Configure<InboxOptions>(o => o.MaxAttempts = 1));

        await postgres.KillAsync();
        await deployment.PublishAsync("orders", Enumerable.Range(0, Fine).Select(i => Message($"k{i}")));
        await Eventually.Equal(Fine, () => Task.FromResult(entered.Times), Limit);
        await postgres.StartAsync();
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Fine, (await EffectsAsync(deployment)).Count);
        Assert.Equal(2 * Fine, entered.Times);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    /// <summary>MassTransit by itself would read the payload as the contract, and refuse what the handler's way to read it takes.</summary>
    [Theory]
    [InlineData("""{"item":"book","quantity":1.0}""")]
    [InlineData("""{"item":"book","quantity":1,"client":5,"orderId":"x","acceptedAt":"yesterday"}""")]
    public async Task The_consumer_gets_the_message_that_is_made_of_foreign_JSON(string payload)
    {
        await using var deployment = await StartAsync();
        var got = new TaskCompletionSource<SubmitOrder>();
        using var host = await ConsumeAsync(deployment, endpoint => endpoint.Handler<SubmitOrder>(context =>
        {
            got.TrySetResult(context.Message);
            return context.ProcessOnceAsync();
        }));

        await deployment.PublishAsync("orders", [(Encoding.UTF8.GetBytes(payload), new() { ["Idempotency-Key"] = "k" }, null)]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["k"], await EffectsAsync(deployment));
        Assert.Equal(("external", "k", "book", 1), await got.Task is var order ? (order.Client, order.IdempotencyKey, order.Item, order.Quantity) : default);
    }

    /// <summary>Foreign JSON comes to the consumer as the contract, written anew; the other ways never write it.</summary>
    [Fact]
    public async Task A_message_that_cannot_be_written_for_its_consumer_is_parked()
    {
        await using var deployment = await StartAsync();
        const string Name = "unwritable";
        using var host = await ConsumeAsync(
            deployment, endpoint => endpoint.Handler<Unwritable>(context => context.ProcessOnceAsync()), queue: Name,
            change: services => new InboxBuilder<ConsumerContext>(services).Handle<Unwritable, UnwritableHandler>(Name));

        await deployment.PublishAsync(Name, [("""{"word":"w"}"""u8.ToArray(), new() { ["Idempotency-Key"] = "k" }, null)]);

        await Eventually.Equal(1L, () => deployment.CountAsync("SELECT count(*) FROM parked_messages WHERE reason = 'poison'"), Limit);
        await Eventually.True(async () => (await deployment.Host.QueueAsync(Name))!.Value.IsDrained, Limit);
    }

    [Fact]
    public async Task A_consumer_of_batches_hands_over_each_of_its_messages()
    {
        await using var deployment = await StartAsync();
        using var host = await ConsumeAsync(deployment, endpoint => endpoint.Batch<SubmitOrder>(batch =>
        {
            batch.MessageLimit = Fine / 2;
            batch.TimeLimit = TimeSpan.FromSeconds(1);
            batch.Consumer(() => new BatchConsumer());
        }));

        // MassTransit takes two messages of one id into a batch as one, and lets the other go.
        var id = Guid.CreateVersion7().ToString();
        await deployment.PublishAsync("orders", [.. Enumerable.Range(0, Fine).Select(i => Message($"k{i}")), Message("one") with { Item3 = id }, Message("other") with { Item3 = id }]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Fine + 2, (await EffectsAsync(deployment)).Count);
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    [Fact]
    public async Task A_consumer_whose_endpoint_has_no_inbox_is_told_how_to_give_it_one()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        var told = new TaskCompletionSource<string>();
        await using var bus = await Bus.StartAsync(host, rabbit => rabbit.ReceiveEndpoint("orders", endpoint => endpoint.Handler<Greeting>(async context =>
            told.SetResult((await Assert.ThrowsAsync<InvalidOperationException>(context.ProcessOnceAsync)).Message))));

        await bus.SendAsync("exchange:orders", new Greeting("hello"));

        Assert.Contains("UseInboxInConsumer", await told.Task.WaitAsync(Limit, TimeProvider.System, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task<Deployment> StartAsync() => await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0);

    private static async Task<IHost> ConsumeAsync(Deployment deployment, Action<IRabbitMqReceiveEndpointConfigurator> configure, Action<IServiceCollection>? change = null, string? queue = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:Provider"] = "PostgreSql",
            ["ConnectionStrings:Orders"] = deployment.ConnectionString,
            ["ConnectionStrings:RabbitMq"] = deployment.Host.Uri.ToString(),
            ["Inbox:MaxAttempts"] = "3",
            ["Inbox:RetryDelayMilliseconds"] = "50",
        });
        builder.Logging.ClearProviders();
        builder.AddConsumer();
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology.Event<OrderCreated>());
        builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(context.GetRequiredService<RabbitMqOptions>());
            bus.ReceiveEndpoint(queue ?? SubmitOrder.Queue, endpoint =>
            {
                endpoint.UseInboxInConsumer(context, queue ?? SubmitOrder.Operation);
                configure(endpoint);
            });
        }));
        change?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private static (byte[], Dictionary<string, object?>, string?) Message(string key) => (Book, new() { ["Idempotency-Key"] = key }, null);

    private static Task<List<string>> ParkedAsync(Deployment deployment, string reason) =>
        deployment.TextsAsync($"SELECT idempotency_key FROM parked_messages WHERE reason = '{reason}' ORDER BY idempotency_key COLLATE \"C\"");

    private static Task<List<string>> EffectsAsync(Deployment deployment) =>
        deployment.TextsAsync("SELECT idempotency_key FROM orders ORDER BY idempotency_key COLLATE \"C\"");

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

    private static async Task AssertNoQueueOfMassTransitAsync(Deployment deployment) =>
        Assert.Equal(["orders", "payments"], (await deployment.Host.QueuesAsync()).Select(q => q.Name).Order());
}
