using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using MassTransit;

namespace Messaging.Transactional;

/// <summary>Step 4, d: what a batch leaves behind beside the handlers' own writes: outcomes, events to send, parked messages.</summary>
internal sealed class InboxStore(Database database, int leaseMilliseconds, TimeProvider time)
{
    /// <summary>One round trip for whatever there is to store.</summary>
    /// <exception cref="InvalidOperationException">
    /// An outcome found no claim to be stored on: its handler removed it, or on PostgreSQL changed it. Without its claim the message would take effect again with its next delivery.
    /// </exception>
    /// <returns>The events, to be handed over once they are committed.</returns>
    public async Task<IReadOnlyList<OutgoingMessage>> StoreAsync(
        WriteTransaction transaction, IReadOnlyList<Handled> handled, IReadOnlyList<ParkedMessage> parked, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var outgoing = handled.SelectMany(one => one.Outcome.Events.Select((message, at) => ToOutgoing(message, one, at + 1, nowMs))).ToList();
        await using var command = transaction.CreateCommand();
        var statements = new List<string>(3);
        if (handled.Count > 0)
        {
            Dialect.Add(command, "@completed_at_ms", nowMs);
            statements.Add(InboxTable.StoreOutcomes(database.Dialect, command, handled));
        }

        if (outgoing.Count > 0)
        {
            Dialect.Add(command, "@lease_ms", (long)leaseMilliseconds);
            statements.Add(OutgoingTable.Insert(database.Dialect, command, outgoing));
        }

        if (parked.Count > 0)
        {
            statements.Add(ParkedMessage.Insert(database.Dialect, command, parked, nowMs));
        }

        if (statements.Count > 0)
        {
            command.CommandText = database.Dialect.ByIndex(string.Join("; ", statements));
            var stored = await CountOutcomesAsync(command, cancellationToken);
            if (stored < handled.Count)
            {
                throw new InvalidOperationException($"{handled.Count} outcomes were to be stored, and {stored} of their claims are there. A handler must leave the inbox alone.");
            }
        }

        return outgoing;
    }

    /// <summary>Parks one message in a transaction of its own.</summary>
    public async Task ParkAsync(ParkedMessage message, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginAsync(connection, cancellationToken);
        await StoreAsync(transaction, [], [message], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Of all statements only that of the outcomes gives a row, its count.</summary>
    private static async Task<long> CountOutcomesAsync(DbCommand command, CancellationToken cancellationToken)
    {
        var count = 0L;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                count += Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture);
            }
        }
        while (await reader.NextResultAsync(cancellationToken));

        return count;
    }

    private static OutgoingMessage ToOutgoing(object message, Handled cause, int n, long nowMs) => new()
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Event(message.GetType()),
        MessageType = MessageUrn.ForTypeString(message.GetType()),
        Body = JsonSerializer.SerializeToUtf8Bytes(message, message.GetType(), JsonSerializerOptions.Web),
        Client = cause.Candidate.Key.Client,
        IdempotencyKey = cause.Candidate.Key.Derive(n),
        AcceptedAtMs = nowMs,
        TraceParent = cause.TraceParent,
    };
}
