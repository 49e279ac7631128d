using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Stack;

/// <summary>The deliveries of a channel are acknowledged many at a time: whatever is not settled has to stand in their line, or is covered by one behind it.</summary>
public sealed class AcknowledgedLineTests(SharedServers servers)
{
    private const int Messages = 5;

    [Fact]
    public async Task A_delivery_that_could_not_be_taken_in_is_not_acknowledged_with_those_behind_it_and_comes_again()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var connection = await host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken);
        var queue = (await channel.QueueDeclareAsync("line", true, false, false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: TestContext.Current.CancellationToken)).QueueName;
        foreach (var i in Enumerable.Range(1, Messages))
        {
            await channel.BasicPublishAsync("", queue, mandatory: true, Encoding.UTF8.GetBytes($"{i}"), TestContext.Current.CancellationToken);
        }

        await using var inbox = new OpenInbox();
        using var consumer = new RabbitMqConsumer(channel, queue, inbox, TimeProvider.System, NullLogger.Instance);
        var tag = await channel.BasicConsumeAsync(queue, autoAck: false, new OutOfMemory(consumer, at: 2), TestContext.Current.CancellationToken);
        var acknowledging = consumer.AcknowledgeAsync();

        await Eventually.Equal(Messages, () => Task.FromResult(inbox.Taken.Count));
        await consumer.CancelAsync(tag);
        await acknowledging;
        Assert.Equal(["1", "3", "4", "5", "2"], inbox.Taken);
        await Eventually.Equal(0L, async () => (long)(await host.CountAsync(queue)).Messages);
    }

    /// <summary>Takes whatever it is given.</summary>
    private sealed class OpenInbox : IInbox
    {
        public ConcurrentQueue<string> Taken { get; } = [];

        public string Operation => "line";

        public int PrefetchCount => 100;

        public ReadDelivery Read(Delivery delivery) => new(delivery, new Unreadable("", "", null, null));

        public Task<bool> WaitOutAsync(Exception exception, CancellationToken cancellationToken) => Task.FromResult(false);

        public ValueTask<Task> AddAsync(ReadDelivery item, CancellationToken cancellationToken)
        {
            Taken.Enqueue(Encoding.UTF8.GetString(item.Delivery.Body.Span));
            return ValueTask.FromResult(Task.CompletedTask);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>There is no memory for the body of one delivery.</summary>
    private sealed class OutOfMemory(IAsyncBasicConsumer inner, ulong at) : IAsyncBasicConsumer
    {
        public IChannel? Channel => inner.Channel;

        public Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties,
            ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default) =>
            inner.HandleBasicDeliverAsync(consumerTag, deliveryTag, redelivered, exchange, routingKey, properties, deliveryTag == at ? new NoMemory().Memory : body, cancellationToken);

        public Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default) => inner.HandleBasicCancelAsync(consumerTag, cancellationToken);

        public Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken = default) => inner.HandleBasicCancelOkAsync(consumerTag, cancellationToken);

        public Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken = default) => inner.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);

        public Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason) => inner.HandleChannelShutdownAsync(channel, reason);
    }

    private sealed class NoMemory : MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(1);

        public override Span<byte> GetSpan() => throw new InsufficientMemoryException("There is no memory for this body.");

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
