using System.Data.Common;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// Step 2: takes committed messages to the broker, a window at a time, and deletes their rows once the broker has confirmed them.
/// Messages committed by this process are handed over in memory; a poller picks up whatever was left behind, by this process or by
/// a dead one.
/// <para>
/// Killed before the publish: the lease ends, the poller of any process takes the row. Killed after the publish, before the delete:
/// the message is published again, and the inbox recognises it. For that reason leases and deletions wait for no disk.
/// </para>
/// </summary>
internal sealed partial class Dispatcher(
    Database database, DatabaseGate gate, ITransport transport, IOptions<DispatchOptions> options, EngineMetrics metrics,
    TimeProvider time, ILogger<Dispatcher> log) : BackgroundService
{
    private const int LongestDeferralMilliseconds = 60_000;

    private readonly DispatchOptions _options = options.Value;

    private readonly Channel<(OutgoingMessage Message, long LeasedAt)> _handedOver =
        Channel.CreateBounded<(OutgoingMessage, long)>(new BoundedChannelOptions(options.Value.MaxHandedOver));

    private string? _told;

    /// <summary>The moment, for <see cref="HandOver"/>: to be taken before the rows are inserted, so that a lease is never thought to last longer than it does.</summary>
    public long Now => time.GetTimestamp();

    /// <summary>
    /// Hands over a message whose row is committed and leased. When too many wait, or it waits for longer than its lease lasts, it is left to
    /// the poller, of this process or another.
    /// </summary>
    public void HandOver(OutgoingMessage message, long leasedAt) => _handedOver.Writer.TryWrite((message, leasedAt));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);

        // Two windows take turns: one is on its way to the broker while the rows of the other are being deleted. Whichever loop ends
        // first ends all, and with them the service: a part of a dispatcher would look healthy.
        using var all = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        Task[] loops = [TakeHandedOverAsync(all.Token), TakeHandedOverAsync(all.Token), PollAsync(all.Token)];
        var first = await Task.WhenAny(loops);
        await all.CancelAsync();
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private async Task TakeHandedOverAsync(CancellationToken stoppingToken)
    {
        while (await _handedOver.Reader.WaitToReadAsync(stoppingToken))
        {
            var window = new List<OutgoingMessage>();
            while (window.Count < _options.WindowSize && _handedOver.Reader.TryRead(out var handedOver))
            {
                if (time.GetElapsedTime(handedOver.LeasedAt).TotalMilliseconds < _options.LeaseMilliseconds)
                {
                    window.Add(handedOver.Message);
                }
            }

            await DispatchAsync(window, stoppingToken);
        }
    }

    private async Task PollAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(_options.PollIntervalMilliseconds), time);
        do
        {
            List<OutgoingMessage> window;
            do
            {
                window = await PersistAsync(LeaseAsync, stoppingToken);
                await DispatchAsync(window, stoppingToken);
            }
            while (window.Count == _options.WindowSize);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task DispatchAsync(List<OutgoingMessage> window, CancellationToken stoppingToken)
    {
        if (window.Count == 0)
        {
            return;
        }

        CrashPoint.Reach("D1", window.Count);
        var results = await SendAsync(window, stoppingToken);
        CrashPoint.Reach("D3", window.Count);
        var gone = new List<Guid>(window.Count);
        var deferred = new List<(Guid, long, string)>();
        for (var i = 0; i < window.Count; i++)
        {
            var (message, result) = (window[i], results[i]);
            switch (result.Outcome)
            {
                case SendOutcome.Confirmed:
                    metrics.Dispatched(time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(message.AcceptedAtMs));
                    gone.Add(message.Id);
                    break;
                case SendOutcome.Unrouted when !message.Destination.IsQueue && !_options.RequireSubscribers:
                    metrics.Unrouted(message.Destination);
                    gone.Add(message.Id);
                    break;
                case SendOutcome.Unanswered:
                    Defer(message, "The broker did not answer in time.");
                    break;
                default:
                    metrics.Unrouted(message.Destination);
                    Defer(message, result.Error ?? result.Outcome.ToString());
                    break;
            }
        }

        await PersistAsync(ct => SettleAsync(gone, deferred, ct), stoppingToken);

        void Defer(OutgoingMessage message, string error)
        {
            NotSent(message.Id, message.Destination.Address, error);
            deferred.Add((message.Id, Math.Min(LongestDeferralMilliseconds, 1000L << (int)Math.Min(message.Attempts, 6)), error));
        }
    }

    /// <summary>Sends until the broker has answered. While it is away the window is held: a row that others take meanwhile is only sent twice.</summary>
    private async Task<SendResult[]> SendAsync(List<OutgoingMessage> window, CancellationToken stoppingToken)
    {
        for (var delay = 50; ; delay = Math.Min(delay * 2, _options.MaxRetryDelayMilliseconds))
        {
            try
            {
                var results = await transport.SendAsync(window, stoppingToken);
                if (Interlocked.Exchange(ref _told, null) is not null)
                {
                    BrokerIsBack();
                }

                return results;
            }
            catch (BrokerUnavailableException exception)
            {
                if (Interlocked.Exchange(ref _told, exception.Message) != exception.Message)
                {
                    BrokerIsAway(exception.Message);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(delay), time, stoppingToken);
            }
        }
    }

    private async Task<List<OutgoingMessage>> LeaseAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginUnflushedAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = transaction.Preamble + OutgoingTable.Lease(database.Dialect, command, _options.WindowSize, _options.LeaseMilliseconds);
        var window = new List<OutgoingMessage>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            do
            {
                while (await reader.ReadAsync(cancellationToken))
                {
                    window.Add(OutgoingMessage.Read(database.Dialect, reader));
                }
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        await transaction.CommitAsync(cancellationToken);
        window.Sort((a, b) => a.Id.CompareTo(b.Id));
        return window;
    }

    private async Task<bool> SettleAsync(List<Guid> gone, List<(Guid, long, string)> deferred, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginUnflushedAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = transaction.Preamble + database.Dialect.ByIndex(string.Join("; ", Statements(command)));
        await command.ExecuteNonQueryAsync(cancellationToken);
        CrashPoint.Reach("D5", gone.Count);
        await transaction.CommitAsync(cancellationToken);
        return true;

        IEnumerable<string> Statements(DbCommand into)
        {
            if (gone.Count > 0)
            {
                yield return OutgoingTable.Delete(database.Dialect, into, gone);
            }

            if (deferred.Count > 0)
            {
                yield return OutgoingTable.Defer(database.Dialect, into, deferred);
            }
        }
    }

    /// <summary>Runs until the database has done it: nothing here is anybody's fault but the database's.</summary>
    private async Task<T> PersistAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken stoppingToken)
    {
        for (var delay = 20; ; delay = Math.Min(delay * 2, 2000))
        {
            try
            {
                return await work(stoppingToken);
            }
            catch (DbException exception)
            {
                DatabaseFailed(exception.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(delay), time, stoppingToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "Message {Id} to {Destination} stays pending: {Error}")]
    private partial void NotSent(Guid id, string destination, string error);

    [LoggerMessage(LogLevel.Warning, "The broker is away; accepted messages wait for it: {Reason}")]
    private partial void BrokerIsAway(string reason);

    [LoggerMessage(LogLevel.Information, "The broker is back")]
    private partial void BrokerIsBack();

    [LoggerMessage(LogLevel.Warning, "Dispatching waits for the database: {Reason}")]
    private partial void DatabaseFailed(string reason);
}
