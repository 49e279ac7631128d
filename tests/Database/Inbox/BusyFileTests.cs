using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;

namespace Messaging.Database;

/// <summary>Somebody outside, a backup or a console, holds the write lock of the SQLite file for longer than it is waited for.</summary>
public sealed class BusyFileTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.Sqlite)
{
    private const int Busy = 5;
    private const int Messages = 5;

    /// <summary>Both inboxes and the dispatcher take turns on the file: by then each has met it.</summary>
    private const int Met = 6;

    [Fact]
    public async Task Row09_a_file_that_stays_busy_for_longer_than_the_timeout_is_waited_for_and_parks_nothing()
    {
        using var busy = new FaultsMet(fault => fault is SqliteException { SqliteErrorCode: Busy });
        // One attempt, and nobody to share a batch with: were it counted, the message would be given up.
        var engine = await StartEngineAsync(s => s
            .With("Inbox:MaxAttempts", 1).With("Inbox:MaxBatchSize", 1).With("ConnectionStrings:Orders", ConnectionString + ";Default Timeout=1"));
        Task waiting;
        await using (var outside = new SqliteConnection(ConnectionString + ";Pooling=False"))
        {
            await outside.OpenAsync(Cancelled);
            await using var transaction = outside.BeginTransaction(deferred: false);
            waiting = Task.WhenAll(
                engine.ProcessAsync(Probe.Operation, Enumerable.Range(0, Messages).Select(i => Message.OfProbe($"key-{i}"))),
                engine.ProcessAsync(CapturePayment.Operation, Enumerable.Range(0, Messages).Select(i => Message.OfPayment($"key-{i}", 1))));

            await Eventually.True(() => busy.Count >= Met);
            Assert.False(waiting.IsCompleted);
        }

        await waiting;
        Assert.Equal(Messages, await Tables.CountAsync("orders"));
        Assert.Equal(Messages, await Tables.CountAsync("ledger"));
        Assert.Equal(1, await Tables.CountAsync("balances", $"CAST(amount AS INTEGER) = {Messages}"));
        Assert.Equal(2 * Messages, await Tables.CountAsync("inbox", "status IS NOT NULL"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Eventually.Equal(0L, () => Tables.CountAsync("outgoing_messages"));
    }
}
