using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Transactional;

/// <summary>
/// The deliveries of one channel, from their arrival to their acknowledgement. Batches settle many at once, so one acknowledgement
/// with <c>multiple</c> stands for all up to the first that is not settled; those behind one that takes long (it is being retried)
/// are acknowledged one by one, so that it does not use up the prefetch count for everybody else.
/// </summary>
internal sealed partial class RabbitMqConsumer(IChannel channel, string queue, IInbox inbox, TimeProvider time, ILogger log)
    : AsyncDefaultBasicConsumer(channel), IDisposable
{
    private static readonly TimeSpan LongestGap = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _takenBack = new();

    /// <summary>Bounded by the prefetch count.</summary>
    private readonly Channel<Taken> _taken = System.Threading.Channels.Channel.CreateUnbounded<Taken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    public override async Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties,
        ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default) =>
        _taken.Writer.TryWrite(new Taken(deliveryTag, await HandInAsync(redelivered, properties, body, cancellationToken)));

    /// <summary>Takes no more; <see cref="AcknowledgeAsync"/> returns when everything taken is settled.</summary>
    public async Task CancelAsync(string consumerTag)
    {
        try
        {
            await Channel.BasicCancelAsync(consumerTag);
        }
        catch (Exception exception) when (RabbitMqTransport.IsOutage(exception, CancellationToken.None))
        {
            // The connection broke at the same moment: the acknowledging side meets the same error.
            _taken.Writer.TryComplete(exception);
        }
    }

    public override Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        _taken.Writer.TryComplete();
        return base.HandleBasicCancelOkAsync(consumerTag, cancellationToken);
    }

    public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        _taken.Writer.TryComplete(new IOException($"The broker cancelled the consumer: the queue {queue} is gone."));
        return base.HandleBasicCancelAsync(consumerTag, cancellationToken);
    }

    public override Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason)
    {
        _taken.Writer.TryComplete(new IOException(reason.ReplyText));
        return base.HandleChannelShutdownAsync(channel, reason);
    }

    /// <summary>Runs until the consumer is cancelled and everything taken is settled; throws when the channel breaks.</summary>
    public async Task AcknowledgeAsync()
    {
        var waiting = new List<Taken>();
        while (waiting.Count > 0 || await _taken.Reader.WaitToReadAsync())
        {
            while (_taken.Reader.TryRead(out var taken))
            {
                waiting.Add(taken);
            }

            if (_taken.Reader.Completion is { IsFaulted: true } broken)
            {
                await broken;
            }

            if (await Task.WhenAny(waiting[0].Settled, Task.Delay(LongestGap, time)) == waiting[0].Settled)
            {
                await SettleFirstAsync(waiting);
            }
            else
            {
                await SettleBehindGapAsync(waiting);
            }
        }
    }

    /// <summary>To be disposed before its channel, which then takes back what has not been acknowledged.</summary>
    public void Dispose()
    {
        _takenBack.Cancel();
        _takenBack.Dispose();
    }

    /// <summary>A delivery that the inbox did not take has to stand in line all the same, or an acknowledgement with <c>multiple</c> would cover it.</summary>
    private async Task<Task> HandInAsync(bool redelivered, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        try
        {
            return await inbox.AddAsync(ToDelivery(redelivered, properties, body), cancellationToken);
        }
        catch (Exception exception)
        {
            return Task.FromException(exception);
        }
    }

    private async Task SettleFirstAsync(List<Taken> waiting)
    {
        var settled = waiting.FindIndex(t => !t.Settled.IsCompletedSuccessfully);
        settled = settled < 0 ? waiting.Count : settled;
        if (settled > 0)
        {
            await Channel.BasicAckAsync(waiting[settled - 1].DeliveryTag, multiple: true);
            CrashPoint.Reach("C7", settled);
            waiting.RemoveRange(0, settled);
        }
        else
        {
            // Not even parked, or stopped before its turn. It goes back before anything behind it is acknowledged with it.
            GivenBack(waiting[0].Settled.Exception?.InnerException, queue);
            await Channel.BasicNackAsync(waiting[0].DeliveryTag, multiple: false, requeue: true);
            waiting.RemoveAt(0);
        }
    }

    private async Task SettleBehindGapAsync(List<Taken> waiting)
    {
        // Decided once: what is settled meanwhile has its turn next time.
        var settled = waiting.Where(t => t.Settled.IsCompletedSuccessfully).ToHashSet();
        foreach (var taken in settled)
        {
            await Channel.BasicAckAsync(taken.DeliveryTag, multiple: false);
            CrashPoint.Reach("C8");
        }

        waiting.RemoveAll(settled.Contains);
    }

    private Delivery ToDelivery(bool redelivered, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body)
    {
        var headers = new Dictionary<string, object?>(properties.Headers?.Count ?? 0, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in properties.Headers ?? new Dictionary<string, object?>())
        {
            headers[name] = value;
        }

        return new Delivery
        {
            Queue = queue,
            // The client takes its buffer back when the delivery has been handed in.
            Body = body.ToArray(),
            ContentType = properties.ContentType,
            MessageId = properties.MessageId,
            Headers = headers,
            Redelivered = redelivered,
            DeliveryCount = Delivery.CountOf(headers.GetValueOrDefault("x-delivery-count")),
            SentAt = properties.IsTimestampPresent() ? Delivery.TimeOf(properties.Timestamp.UnixTime) : null,
            TakenBack = _takenBack.Token,
        };
    }

    [LoggerMessage(LogLevel.Warning, "A message goes back to the queue {Queue}: it could be neither processed nor parked, or the process stops")]
    private partial void GivenBack(Exception? exception, string queue);

    private readonly record struct Taken(ulong DeliveryTag, Task Settled);
}
