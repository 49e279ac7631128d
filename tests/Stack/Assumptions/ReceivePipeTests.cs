using System.Collections.Concurrent;
using MassTransit;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// The inbox sits in MassTransit's receive pipe and decides there what is acknowledged. This is all it leans on.
/// </summary>
public sealed class ReceivePipeTests(SharedServers servers) : IAsyncLifetime
{
    private VirtualHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task A_filter_that_ends_without_calling_next_is_acknowledged_and_goes_neither_to_skipped_nor_to_error()
    {
        var seen = new ConcurrentQueue<string>();
        await using var bus = await Bus.StartAsync(_host, "q", (context, _) =>
        {
            seen.Enqueue(context.Body.GetString());
            return Task.CompletedTask;
        });

        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "1", "2", "3");

        await Eventually.Equal(3, () => Task.FromResult(seen.Count));
        await Eventually.True(async () => (await _host.QueueAsync("q"))!.Value.IsDrained);
        Assert.Equal(["q"], (await _host.QueuesAsync()).Select(queue => queue.Name));
        Assert.Equal(3, seen.Count);
    }

    [Fact]
    public async Task Nothing_is_acknowledged_before_the_filter_ends()
    {
        var release = new TaskCompletionSource();
        await using var bus = await Bus.StartAsync(_host, "q", (_, _) => release.Task);

        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "1");
        await Eventually.Equal(1, async () => (await _host.QueueAsync("q"))!.Value.Unacknowledged);
        release.SetResult();

        await Eventually.True(async () => (await _host.QueueAsync("q"))!.Value.IsDrained);
    }

    [Fact]
    public async Task A_filter_that_throws_gets_the_message_again_with_a_delivery_count()
    {
        var counts = new ConcurrentQueue<object?>();
        await using var bus = await Bus.StartAsync(_host, "q", (context, _) =>
        {
            counts.Enqueue(context.TransportHeaders.TryGetHeader("x-delivery-count", out var count) ? count : null);
            return counts.Count < 4 ? throw new IOException("not now") : Task.CompletedTask;
        });

        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "1");

        await Eventually.True(async () => counts.Count == 4 && (await _host.QueueAsync("q"))!.Value.IsDrained);
        Assert.True(counts.TryDequeue(out var first));
        Assert.True(first is null or 0L, $"The first delivery had x-delivery-count {first}.");
        Assert.Equal([1L, 2L, 3L], counts);
        Assert.Equal(["q"], (await _host.QueuesAsync()).Select(queue => queue.Name));
    }

    [Fact]
    public async Task As_many_deliveries_are_in_the_filter_at_once_as_were_prefetched()
    {
        const ushort Prefetch = 64;
        var inside = 0;
        var full = new TaskCompletionSource();
        await using var bus = await Bus.StartAsync(
            _host,
            "q",
            (_, _) =>
            {
                if (Interlocked.Increment(ref inside) == Prefetch)
                {
                    full.SetResult();
                }

                return full.Task;
            },
            Prefetch);

        await Amqp.PublishAsync(_host, "q", Amqp.Json(), [.. Enumerable.Range(0, Prefetch).Select(i => $"{i}")]);

        await full.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        await Eventually.True(async () => (await _host.QueueAsync("q"))!.Value.IsDrained);
    }

    [Fact]
    public async Task Stopping_the_bus_waits_for_the_filter_and_acknowledges_what_it_finished()
    {
        var entered = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var bus = await Bus.StartAsync(
            _host,
            "q",
            (_, _) =>
            {
                entered.TrySetResult();
                return release.Task;
            });
        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "1");
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);

        var stopping = bus.StopAsync();
        var first = await Task.WhenAny(stopping, Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.NotSame(stopping, first);
        release.SetResult();
        await stopping;

        await Eventually.Equal((0L, 0L), async () => ((await _host.QueueAsync("q"))!.Value.Ready, (await _host.QueueAsync("q"))!.Value.Unacknowledged));
    }

    [Fact]
    public async Task A_plain_JSON_message_shows_its_bytes_its_content_type_and_its_text_headers()
    {
        var seen = new TaskCompletionSource<(byte[] Body, string? ContentType, string? Header, string? LowerCase, string? Client)>();
        await using var bus = await Bus.StartAsync(_host, "q", (context, _) =>
        {
            seen.TrySetResult((
                context.Body.GetBytes(),
                context.ContentType?.MediaType,
                context.TransportHeaders.Get<string>("Idempotency-Key"),
                context.TransportHeaders.Get<string>("idempotency-key"),
                context.TransportHeaders.Get<string>("client-id")));
            return Task.CompletedTask;
        });

        await Amqp.PublishAsync(_host, "q", Amqp.Json(("Idempotency-Key", "K"), ("client-id", "shop"u8.ToArray())), """{"item":"book","quantity":1}""");

        var message = await seen.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal("""{"item":"book","quantity":1}"""u8.ToArray(), message.Body);
        Assert.Equal("application/json", message.ContentType);
        Assert.Equal("K", message.Header);
        Assert.Equal("shop", message.Client);
        // AMQP header names are case-sensitive, and MassTransit looks them up as they are.
        Assert.Null(message.LowerCase);
    }

    [Fact]
    public async Task A_content_type_that_is_none_does_not_keep_the_message_from_the_filter()
    {
        var seen = new TaskCompletionSource<string?>();
        await using var bus = await Bus.StartAsync(_host, "q", (context, _) =>
        {
            seen.TrySetResult(context.ContentType?.MediaType);
            return Task.CompletedTask;
        });
        var properties = Amqp.Json();
        properties.ContentType = "no content type at all";

        await Amqp.PublishAsync(_host, "q", properties, "\0");

        Assert.Null(await seen.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken));
    }
}
