using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Messaging.Transactional;

/// <summary>
/// The dispatcher's connection to RabbitMQ, and the channel on it that all windows share. RabbitMQ closes a channel that publishes to an
/// exchange it does not know, so every exchange is declared before its first message. A connection that breaks is thrown away whole, and
/// the next window opens a new one; one of which the broker closed only the channel is kept, as another window may be on it.
/// </summary>
internal sealed partial class DispatchConnection(RabbitMqOptions rabbit, Topology topology, ILogger log) : IAsyncDisposable
{
    private readonly SemaphoreSlim _connecting = new(1, 1);

    /// <summary>Exchanges that were declared on this connection; guarded by <see cref="_connecting"/>, as the connection is.</summary>
    private readonly HashSet<string> _declared = new(StringComparer.Ordinal);
    private IConnection? _connection;
    private ConfirmedChannel? _channel;

    /// <summary>The channel, on a broker that knows the topology and the exchange of each of the messages.</summary>
    /// <exception cref="UnsafeSettingException">A queue of the topology is there and can lose messages.</exception>
    public async Task<ConfirmedChannel> OpenAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_channel is not { IsOpen: true })
            {
                if (_channel is not null || _connection is not { IsOpen: true })
                {
                    await CloseAsync();
                }

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

    /// <summary>Declares the topology on the connection that is open. One that is opened later has declared everything.</summary>
    /// <exception cref="UnsafeSettingException">As from <see cref="OpenAsync"/>.</exception>
    public async Task DeclareAgainAsync(CancellationToken cancellationToken)
    {
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connection is { IsOpen: true } connection)
            {
                await RabbitMqTopology.DeclareAsync(connection, topology, cancellationToken);
            }
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>Closes what failed, null where no channel came about; not what another window has opened in its place meanwhile.</summary>
    public async Task DiscardAsync(ConfirmedChannel? failed)
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

    public async ValueTask DisposeAsync() => await DiscardAsync(_channel);

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
        catch (Exception exception) when (RabbitMqTransport.IsOutage(exception, CancellationToken.None))
        {
            // It is being thrown away because it is broken.
            ClosedBroken(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Debug, "A broken connection was closed: {Reason}")]
    private partial void ClosedBroken(string reason);
}
