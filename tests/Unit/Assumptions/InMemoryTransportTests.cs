using System.Collections.Concurrent;
using MassTransit;
using MassTransit.Serialization;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>What Standalone may and may not expect of MassTransit's in-memory transport.</summary>
public sealed class InMemoryTransportTests
{
    private readonly ConcurrentQueue<string> _seen = new();

    [Fact]
    public async Task A_filter_that_ends_without_calling_next_has_the_message_to_itself()
    {
        await using var bus = await StartAsync((_, _) => Task.CompletedTask);

        await SendAsync(bus, "1");
        await SendAsync(bus, "2");

        await Eventually.Equal(2, () => Task.FromResult(_seen.Count));
    }

    [Fact]
    public async Task A_message_whose_filter_throws_is_gone()
    {
        await using var bus = await StartAsync((context, _) =>
            context.Body.GetString() == "bad" ? throw new IOException("not now") : Task.CompletedTask);

        await SendAsync(bus, "bad");
        await SendAsync(bus, "good");

        // No redelivery, no error queue: whoever needs the message must send it again.
        await Eventually.True(() => _seen.Contains("good"));
        await bus.DisposeAsync();
        Assert.Single(_seen, body => body == "bad");
    }

    [Fact]
    public async Task A_message_sent_to_an_exchange_without_a_queue_is_accepted_and_gone()
    {
        await using var bus = await StartAsync((_, _) => Task.CompletedTask);

        var endpoint = await bus.Control.GetSendEndpoint(new Uri("exchange:nobody"));
        await endpoint.Send(new Note("lost"), TestContext.Current.CancellationToken);

        Assert.Empty(_seen);
    }

    [Fact]
    public async Task As_many_deliveries_are_in_the_filter_at_once_as_the_endpoint_allows()
    {
        var inside = 0;
        var full = new TaskCompletionSource();
        await using var bus = await StartAsync((_, _) =>
        {
            if (Interlocked.Increment(ref inside) == RunningBus.Limit)
            {
                full.SetResult();
            }

            return full.Task;
        });

        for (var i = 0; i < RunningBus.Limit; i++)
        {
            await SendAsync(bus, $"{i}");
        }

        await full.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
    }

    private Task<RunningBus> StartAsync(Func<ReceiveContext, IPipe<ReceiveContext>, Task> filter)
        => RunningBus.StartAsync((context, next) =>
        {
            _seen.Enqueue(context.Body.GetString());
            return filter(context, next);
        });

    private static async Task SendAsync(RunningBus bus, string body)
    {
        var endpoint = await bus.Control.GetSendEndpoint(new Uri("exchange:q"));
        await endpoint.Send(
            new Note(body),
            context => context.Serializer = new CopyBodySerializer(new("application/json"), new StringMessageBody(body)),
            TestContext.Current.CancellationToken);
    }

    private sealed class RunningBus(IBusControl control) : IAsyncDisposable
    {
        public const int Limit = 32;

        public IBusControl Control => control;

        public static async Task<RunningBus> StartAsync(Func<ReceiveContext, IPipe<ReceiveContext>, Task> filter)
        {
            var control = Bus.Factory.CreateUsingInMemory(memory => memory.ReceiveEndpoint("q", endpoint =>
            {
                endpoint.ConfigureConsumeTopology = false;
                endpoint.PrefetchCount = Limit;
                endpoint.ConcurrentMessageLimit = Limit;
                endpoint.ConfigureReceive(pipe => pipe.UseFilter(new Filter(filter)));
            }));
            await control.StartAsync(TestContext.Current.CancellationToken);
            return new RunningBus(control);
        }

        public async ValueTask DisposeAsync() => await control.StopAsync(CancellationToken.None);
    }

    private sealed class Filter(Func<ReceiveContext, IPipe<ReceiveContext>, Task> filter) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => filter(context, next);

        public void Probe(ProbeContext context) => context.CreateFilterScope("test");
    }
}

public sealed record Note(string Text);
