using System.Data.Common;
using System.Globalization;
using System.Text;

namespace Messaging.Services;

/// <summary>Everything the tables say, read past the engine, on any of the databases.</summary>
public sealed record Snapshot(
    IReadOnlyList<Snapshot.Submitted> Submissions, IReadOnlyList<Snapshot.Claimed> Inbox, IReadOnlyList<Effect> Effects,
    IReadOnlyList<Snapshot.Parked> ParkedMessages, IReadOnlyDictionary<(string Client, string Currency), decimal> Balances, long Outgoing)
{
    public static async Task<Snapshot> TakeAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        var submissions = await ReadAsync("SELECT operation, client, idempotency_key, fingerprint FROM submissions",
            row => new Submitted(row.GetString(0), row.GetString(1), row.GetString(2), Hex(row, 3)));
        var inbox = await ReadAsync("SELECT operation, client, idempotency_key, fingerprint, status FROM inbox",
            row => new Claimed(row.GetString(0), row.GetString(1), row.GetString(2), Hex(row, 3), Text(row, 4)));
        var orders = await ReadAsync("SELECT client, idempotency_key, item, quantity FROM orders",
            row => new Effect("submit-order", row.GetString(0), row.GetString(1), Effect.OfOrder(row.GetString(2), Number(row, 3))));
        var payments = await ReadAsync("SELECT client, idempotency_key, amount, currency FROM ledger",
            row => new Effect("capture-payment", row.GetString(0), row.GetString(1), Effect.OfPayment(Decimal(row, 2)), row.GetString(3)));
        var parked = await ReadAsync("SELECT operation, client, idempotency_key, reason, body FROM parked_messages",
            row => new Parked(row.GetString(0), Text(row, 1), Text(row, 2), row.GetString(3), Encoding.UTF8.GetString((byte[])row.GetValue(4))));
        var balances = await ReadAsync("SELECT client, currency, amount FROM balances", row => (Of: (row.GetString(0), row.GetString(1)), Amount: Decimal(row, 2)));
        var outgoing = await ReadAsync("SELECT COUNT(*) FROM outgoing_messages", row => Number(row, 0));
        return new Snapshot(submissions, inbox, [.. orders, .. payments], parked, balances.ToDictionary(b => b.Of, b => b.Amount), outgoing[0]);

        async Task<List<T>> ReadAsync<T>(string sql, Func<DbDataReader, T> read)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(read(reader));
            }

            return rows;
        }
    }

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static string Hex(DbDataReader row, int column) => Convert.ToHexString((byte[])row.GetValue(column));

    private static long Number(DbDataReader row, int column) => Convert.ToInt64(row.GetValue(column), CultureInfo.InvariantCulture);

    /// <summary>SQLite keeps a decimal as text.</summary>
    private static decimal Decimal(DbDataReader row, int column) => Convert.ToDecimal(row.GetValue(column), CultureInfo.InvariantCulture);

    public sealed record Submitted(string Operation, string Client, string Key, string Fingerprint);

    public sealed record Claimed(string Operation, string Client, string Key, string Fingerprint, string? Status);

    public sealed record Parked(string Operation, string? Client, string? Key, string Reason, string Body);
}
