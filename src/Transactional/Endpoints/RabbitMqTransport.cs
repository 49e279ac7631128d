using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Transactional;

/// <summary>
/// Keeps a connection to RabbitMQ on which windows of messages are published and confirmed. RabbitMQ confirms a message that no queue
/// takes, so every one is published <c>mandatory</c>, and closes a channel that publishes to an exchange it does not know, so every
/// exchange is declared before its first message. A connection that breaks is thrown away whole; the next window opens a new one. Where the
/// broker closed only the channel, it is for a message of it, which <see cref="SuspectWindow"/> finds.
/// </summary>
internal sealed partial class RabbitMqTransport(
    RabbitMqOptions rabbit, Topology topology, IOptions<DispatchOptions> options, IHostApplicationLifetime lifetime, ILogger<RabbitMqTransport> log)
    : BackgroundService, ITransport, IAsyncDisposable
{
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromSeconds(1);

    private readonly TopologyRepair _repair = new();
    private readonly SemaphoreSlim _connecting = new(1, 1);

    /// <summary>Exchanges that were declared on this connection; guarded by <see cref="_connecting"/>, as the connection is.</summary>
    private readonly HashSet<string> _declared = new(StringComparer.Ordinal);
    private IConnection? _connection;
    private ConfirmedChannel? _channel;

    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        ConfirmedChannel? channel = null;
        try
        {
            channel = await ConnectAsync(messages, cancellationToken);
            using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bounded.CancelAfter(options.Value.ConfirmTimeoutMilliseconds);
            var results = await TrySendAsync(channel, messages, bounded.Token);
            if (results is null)
            {
                await DisconnectAsync(channel);
                channel = await ConnectAsync(messages, cancellationToken);
                results = await SuspectWindow.SendAsync(channel, messages, bounded.Token);
            }

            if (messages.Where((message, i) => message.Destination.IsQueue && results[i].Outcome == SendOutcome.Unrouted).Any())
            {
                // An event may lack subscribers.
                _repair.Request(DeclareAgainAsync, lifetime.ApplicationStopping);
            }

            return results;
        }
        catch (UnsafeSettingException exception)
        {
            Refuse(exception);
            throw new BrokerUnavailableException(exception.Message, exception);
        }
        catch (Exception exception) when (IsOutage(exception, cancellationToken))
        {
            await DisconnectAsync(channel);
            throw new BrokerUnavailableException(exception.Message, exception);
        }
    }

    /// <summary>Declares the topology as soon as the broker is there, also when nothing is to be sent yet.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await ConnectAsync([], stoppingToken);
                return;
            }
            catch (UnsafeSettingException exception)
            {
                Refuse(exception);
                return;
            }
            catch (Exception exception) when (IsOutage(exception, stoppingToken))
            {
                await Task.Delay(ConnectInterval, stoppingToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await DisconnectAsync(_channel);
        await _repair.FinishedAsync();
        Dispose();
    }

    private async Task DeclareAgainAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _connecting.WaitAsync(stoppingToken);
            try
            {
                // A connection that was opened meanwhile has declared everything.
                if (_connection is { IsOpen: true } connection)
                {
                    await RabbitMqTopology.DeclareAsync(connection, topology, stoppingToken);
                }
            }
            finally
            {
                _connecting.Release();
            }
        }
        catch (UnsafeSettingException exception)
        {
            Refuse(exception);
        }
        catch (Exception exception) when (stoppingToken.IsCancellationRequested || IsOutage(exception, stoppingToken))
        {
            // What is still missing is missed again.
            NotDeclared(exception.Message);
        }
    }

    /// <returns>Null when the broker closed the channel for something that was published on it.</returns>
    private async Task<SendResult[]?> TrySendAsync(ConfirmedChannel channel, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            return await channel.SendAsync(messages, cancellationToken);
        }
        catch (Exception exception) when (channel.Refusal is { } refusal && IsOutage(exception, cancellationToken))
        {
            ChannelClosed(refusal.ReplyText, messages.Count);
            return null;
        }
    }

    /// <summary>The channel, on a broker that knows the exchange of each of the messages.</summary>
    private async Task<ConfirmedChannel> ConnectAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_channel is not { IsOpen: true })
            {
                await CloseAsync();
                _connection ??= await rabbit.ConnectAsync("dispatcher", cancellationToken);
                await RabbitMqTopology.DeclareAsync(_connection, topology, cancellationToken);
                _declared.UnionWith([.. topology.Queues, .. topology.Exchanges]);
                _channel = await ConfirmedChannel.OpenAsync(_connection, cancellationToken);
            }

            foreach (var message in messages)
            {
                if (!_declared.Contains(message.Destination.Exchange))
                {
                    await RabbitMqTopology.DeclareExchangeAsync(_connection!, message.Destination.Exchange, cancellationToken);
                    _declared.Add(message.Destination.Exchange);
                }
            }

            return _channel;
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>Closes what failed, null where no channel came about; not what another window has opened in its place meanwhile.</summary>
    private async Task DisconnectAsync(ConfirmedChannel? failed)
    {
        await _connecting.WaitAsync();
        try
        {
            if (failed == _channel)
            {
                await CloseAsync();
            }
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>A connection of which the broker closed only the channel is kept: another window may be on it.</summary>
    private async Task CloseAsync()
    {
        (var channel, _channel) = (_channel, null);
        _declared.Clear();
        await CloseAsync(channel);
        if (channel?.Refusal is not { } refusal)
        {
            (var connection, _connection) = (_connection, null);
            await CloseAsync(connection);
        }
        else if (refusal.ReplyCode == ConfirmedChannel.NotFound)
        {
            // Before everything is declared again.
            await Task.Delay(TopologyRepair.Delay);
        }
    }

    private async Task CloseAsync(IAsyncDisposable? broken)
    {
        try
        {
            if (broken is not null)
            {
                await broken.DisposeAsync();
            }
        }
        catch (Exception exception) when (IsOutage(exception, CancellationToken.None))
        {
            // It is being thrown away because it is broken.
            ClosedBroken(exception.Message);
        }
    }

    private void Refuse(UnsafeSettingException exception)
    {
        Refused(exception.Message);
        Environment.ExitCode = 1;
        lifetime.StopApplication();
    }

    /// <summary>What a client meets when the connection or the broker goes; a channel closed meanwhile is an <see cref="InvalidOperationException"/>.</summary>
    internal static bool IsOutage(Exception exception, CancellationToken cancellationToken) =>
        exception is RabbitMQClientException or SocketException or IOException or TimeoutException or InvalidOperationException
        || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    [LoggerMessage(LogLevel.Critical, "Refusing to run: {Reason}")]
    private partial void Refused(string reason);

    [LoggerMessage(LogLevel.Warning, "The broker closed the channel: {Reason}. The {Count} messages of a window are sent again one by one")]
    private partial void ChannelClosed(string reason, int count);

    [LoggerMessage(LogLevel.Debug, "The topology was not declared again: {Reason}")]
    private partial void NotDeclared(string reason);

    [LoggerMessage(LogLevel.Debug, "A broken connection was closed: {Reason}")]
    private partial void ClosedBroken(string reason);
}
