using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Messaging.Transactional;

/// <summary>
/// Feeds an inbox from a queue without MassTransit's receive pipe. It takes nothing before the database is fit; a connection that
/// breaks is replaced, and what it had not acknowledged the broker hands out again; a stop finishes what was taken.
/// </summary>
internal sealed partial class RabbitMqReceiver(
    string queue, Func<IInbox> findInbox, Topology topology, RabbitMqOptions rabbit, DatabaseGate gate, IHostApplicationLifetime lifetime,
    TimeProvider time, ILogger<RabbitMqReceiver> log) : BackgroundService
{
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromSeconds(1);

    private IInbox? _inbox;

    /// <summary>Null while the queue is being consumed.</summary>
    public string? NotReceivingBecause { get; private set; } = "The queue has not been opened yet.";

    /// <summary>The inbox is made here and not with the host, so that the host has checked its options by then.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _inbox = findInbox();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ReceiveAsync(_inbox!, stoppingToken);
            }
            catch (UnsafeSettingException exception)
            {
                Refused(exception.Message);
                Environment.ExitCode = 1;
                lifetime.StopApplication();
                return;
            }
            catch (Exception exception) when (RabbitMqTransport.IsOutage(exception, stoppingToken))
            {
                NotReceivingBecause = exception.Message;
                Interrupted(queue, exception.Message);
                await Task.Delay(ConnectInterval, time, stoppingToken);
            }
        }
    }

    /// <summary>Until the process stops and everything taken is settled, or the connection breaks.</summary>
    private async Task ReceiveAsync(IInbox inbox, CancellationToken stoppingToken)
    {
        await using var connection = await rabbit.ConnectAsync("receiver " + queue, stoppingToken);
        await RabbitMqTopology.DeclareAsync(connection, topology, stoppingToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: stoppingToken);
        await channel.BasicQosAsync(0, (ushort)inbox.PrefetchCount, global: false, stoppingToken);
        using var consumer = new RabbitMqConsumer(channel, queue, inbox, time, log);
        var tag = await channel.BasicConsumeAsync(queue, autoAck: false, consumer, stoppingToken);
        NotReceivingBecause = null;
        await using var stop = stoppingToken.Register(() => _ = consumer.CancelAsync(tag));
        await consumer.AcknowledgeAsync();
    }

    [LoggerMessage(LogLevel.Critical, "Refusing to run: {Reason}")]
    private partial void Refused(string reason);

    [LoggerMessage(LogLevel.Warning, "The queue {Queue} is not received until the broker is back: {Reason}")]
    private partial void Interrupted(string queue, string reason);
}
