using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using static Messaging.Stack.OwnConsumerHost;

namespace Messaging.Stack;

/// <summary>
/// Another team's consumers and filters between MassTransit's receive endpoint and the inbox. What these do right or wrong is told by the key
/// of each message; whatever it is, a message takes effect once or is parked, and none goes to a queue of MassTransit's.
/// </summary>
public sealed class OwnConsumerTests(SharedServers servers)
{
    [Fact]
    public async Task Whatever_a_consumer_does_wrong_its_message_takes_effect_or_is_parked_and_its_neighbours_take_effect()
    {
        await using var deployment = await servers.StartAsync();
        var late = new TaskCompletionSource<ConsumeContext<SubmitOrder>>();
        var times = 0;
        using var host = await deployment.ConsumeAsync(endpoint => endpoint.Handler<SubmitOrder>(async context =>
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
        Assert.Equal(effect.Concat(both).Order(StringComparer.Ordinal), await deployment.EffectsAsync());
        Assert.Equal(neither.Length + both.Length, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Contains("no such shelf", Assert.Single(await deployment.TextsAsync("SELECT error FROM parked_messages WHERE idempotency_key = 'throws'")), StringComparison.Ordinal);
        Assert.Contains("ProcessOnceAsync", Assert.Single(await deployment.TextsAsync("SELECT error FROM parked_messages WHERE idempotency_key = 'calls too late'")), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<InvalidOperationException>((await late.Task).ProcessOnceAsync);
        await deployment.AssertNoQueueOfMassTransitAsync();
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task The_filters_of_the_pipe_see_every_message_and_its_retries_are_its_own()
    {
        await using var deployment = await servers.StartAsync();
        var seen = new ConcurrentBag<string>();
        using var host = await deployment.ConsumeAsync(endpoint =>
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
        Assert.Equal(["once", "second time"], await deployment.EffectsAsync());
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertNoQueueOfMassTransitAsync();
    }

    /// <summary>A filter that ends without calling the next one sends the message to <c>_skipped</c>, as does a type that nobody consumes.</summary>
    [Fact]
    public async Task What_no_consumer_gets_is_parked()
    {
        await using var deployment = await servers.StartAsync();
        using var host = await deployment.ConsumeAsync(endpoint =>
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
        Assert.Equal(["envelope", "fine"], await deployment.EffectsAsync());
        await deployment.AssertNoQueueOfMassTransitAsync();
    }

    /// <summary>MassTransit by itself would read the payload as the contract, and refuse what the handler's way to read it takes.</summary>
    [Theory]
    [InlineData("""{"item":"book","quantity":1.0}""")]
    [InlineData("""{"item":"book","quantity":1,"client":5,"orderId":"x","acceptedAt":"yesterday"}""")]
    public async Task The_consumer_gets_the_message_that_is_made_of_foreign_JSON(string payload)
    {
        await using var deployment = await servers.StartAsync();
        var got = new TaskCompletionSource<SubmitOrder>();
        using var host = await deployment.ConsumeAsync(endpoint => endpoint.Handler<SubmitOrder>(context =>
        {
            got.TrySetResult(context.Message);
            return context.ProcessOnceAsync();
        }));

        await deployment.PublishAsync("orders", [(Encoding.UTF8.GetBytes(payload), new() { ["Idempotency-Key"] = "k" }, null)]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["k"], await deployment.EffectsAsync());
        Assert.Equal(("external", "k", "book", 1), await got.Task is var order ? (order.Client, order.IdempotencyKey, order.Item, order.Quantity) : default);
    }

    /// <summary>Foreign JSON comes to the consumer as the contract, written anew; the other ways never write it.</summary>
    [Fact]
    public async Task A_message_that_cannot_be_written_for_its_consumer_is_parked()
    {
        await using var deployment = await servers.StartAsync();
        const string Name = "unwritable";
        using var host = await deployment.ConsumeAsync(
            endpoint => endpoint.Handler<Unwritable>(context => context.ProcessOnceAsync()), queue: Name, operation: Name,
            change: services => new InboxBuilder<ConsumerContext>(services).Handle<Unwritable, UnwritableHandler>(Name));

        await deployment.PublishAsync(Name, [("""{"word":"w"}"""u8.ToArray(), new() { ["Idempotency-Key"] = "k" }, null)]);

        await Eventually.Equal(1L, () => deployment.CountAsync("SELECT count(*) FROM parked_messages WHERE reason = 'poison'"), Limit);
        await Eventually.True(async () => (await deployment.Host.QueueAsync(Name))!.Value.IsDrained, Limit);
    }

    [Fact]
    public async Task A_consumer_of_batches_hands_over_each_of_its_messages()
    {
        await using var deployment = await servers.StartAsync();
        using var host = await deployment.ConsumeAsync(endpoint => endpoint.Batch<SubmitOrder>(batch =>
        {
            batch.MessageLimit = Fine / 2;
            batch.TimeLimit = TimeSpan.FromSeconds(1);
            batch.Consumer(() => new BatchConsumer());
        }));

        // MassTransit takes two messages of one id into a batch as one, and lets the other go.
        var id = Guid.CreateVersion7().ToString();
        await deployment.PublishAsync("orders", [.. Enumerable.Range(0, Fine).Select(i => Message($"k{i}")), Message("one") with { Item3 = id }, Message("other") with { Item3 = id }]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(Fine + 2, (await deployment.EffectsAsync()).Count);
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

    private static Task<List<string>> ParkedAsync(Deployment deployment, string reason) =>
        deployment.TextsAsync($"SELECT idempotency_key FROM parked_messages WHERE reason = '{reason}' ORDER BY idempotency_key COLLATE \"C\"");
}
