using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Transactional;

/// <summary>
/// Publishes windows of messages to RabbitMQ and waits for its confirms. It confirms a message that no queue takes, so every one is published
/// <c>mandatory</c>; when a command comes back, the topology is declared again. Where the broker closed only the channel, it is for a
/// message of it, which <see cref="SuspectWindow"/> finds.
/// </summary>
internal sealed partial class RabbitMqTransport(
    RabbitMqOptions rabbit, Topology topology, IOptions<DispatchOptions> options, IHostApplicationLifetime lifetime, ILogger<RabbitMqTransport> log)
    : BackgroundService, ITransport, IAsyncDisposable
{
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromSeconds(1);

    private readonly DispatchConnection _connection = new(rabbit, topology, log);
    private readonly TopologyRepair _repair = new();

    private TimeSpan ConfirmTimeout => TimeSpan.FromMilliseconds(options.Value.ConfirmTimeoutMilliseconds);

    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        ConfirmedChannel? channel = null;
        try
        {
            channel = await _connection.OpenAsync(messages, cancellationToken);
            var results = await TrySendAsync(channel, messages, cancellationToken);
            if (results is null)
            {
                await _connection.DiscardAsync(channel);
                channel = await _connection.OpenAsync(messages, cancellationToken);
                results = await SuspectWindow.SendAsync(channel, messages, ConfirmTimeout, cancellationToken);
            }

            if (results.All(result => result.Outcome == SendOutcome.Unanswered))
            {
                throw new TimeoutException("The broker confirmed nothing in time.");
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
            await _connection.DiscardAsync(channel);
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
                await _connection.OpenAsync([], stoppingToken);
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
        await _connection.DisposeAsync();
        await _repair.FinishedAsync();
        Dispose();
    }

    private async Task DeclareAgainAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _connection.DeclareAgainAsync(stoppingToken);
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
            return await channel.SendAsync(messages, ConfirmTimeout, cancellationToken);
        }
        catch (Exception exception) when (channel.Refusal is { } refusal && IsOutage(exception, cancellationToken))
        {
            ChannelClosed(refusal.ReplyText, messages.Count);
            return null;
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

    [LoggerMessage(LogLevel.Warning, "The broker closed the channel: {Reason}. The {Count} messages of a window are sent again in parts")]
    private partial void ChannelClosed(string reason, int count);

    [LoggerMessage(LogLevel.Debug, "The topology was not declared again: {Reason}")]
    private partial void NotDeclared(string reason);
}
