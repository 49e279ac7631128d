using Microsoft.EntityFrameworkCore;

namespace Messaging.Consumer;

/// <summary>
/// What a batch captures: collected while its messages run, and written at its end, ledger and balances together, each balance once and in
/// the order of their keys. So a balance that many batches need is held from then to the commit, not while the messages run; and on PostgreSQL
/// two batches that need the same ones wait for each other, never in a circle.
/// </summary>
internal sealed class CapturedPayments
{
    private readonly List<LedgerEntry> _entries = [];

    public bool AreWritten => _entries.Count == 0;

    public void Add(LedgerEntry entry) => _entries.Add(entry);

    /// <summary>Writes what was added since the last time. On PostgreSQL in one statement, however many; elsewhere the balances one by one.</summary>
    public async Task WriteAsync(ConsumerContext database, CancellationToken cancellationToken)
    {
        if (AreWritten)
        {
            return;
        }

        LedgerEntry[] entries = [.. _entries];
        _entries.Clear();
        if (database.Database.IsNpgsql())
        {
            await InsertAsync(entries, database, cancellationToken);
            return;
        }

        database.Ledger.AddRange(entries);
        foreach (var balance in entries.GroupBy(e => (e.Client, e.Currency)).OrderBy(b => b.Key.Client, StringComparer.Ordinal).ThenBy(b => b.Key.Currency, StringComparer.Ordinal))
        {
            (await LockAsync(balance.Key.Client, balance.Key.Currency, database, cancellationToken)).Amount += balance.Sum(e => e.Amount);
        }
    }

    private static Task<int> InsertAsync(LedgerEntry[] entries, ConsumerContext database, CancellationToken cancellationToken)
    {
        var ids = Array.ConvertAll(entries, e => e.Id);
        var paymentIds = Array.ConvertAll(entries, e => e.PaymentId);
        var clients = Array.ConvertAll(entries, e => e.Client);
        var keys = Array.ConvertAll(entries, e => e.IdempotencyKey);
        var amounts = Array.ConvertAll(entries, e => e.Amount);
        var currencies = Array.ConvertAll(entries, e => e.Currency);
        var captured = Array.ConvertAll(entries, e => e.CapturedAt);
        return database.Database.ExecuteSqlAsync(
            $"""
            WITH entries AS (
                INSERT INTO ledger (id, payment_id, client, idempotency_key, amount, currency, captured_at)
                SELECT * FROM unnest({ids}, {paymentIds}, {clients}, {keys}, {amounts}, {currencies}, {captured})
                RETURNING client, currency, amount)
            INSERT INTO balances (client, currency, amount)
            SELECT e.client, e.currency, sum(e.amount) FROM entries AS e GROUP BY e.client, e.currency ORDER BY e.client, e.currency
            ON CONFLICT (client, currency) DO UPDATE SET amount = balances.amount + excluded.amount
            """, cancellationToken);
    }

    /// <summary>Locks the row by an update that changes nothing, which works on every database: what is read behind it nobody else changes.</summary>
    private static async Task<Balance> LockAsync(string client, string currency, ConsumerContext database, CancellationToken cancellationToken)
    {
        var row = database.Balances.Where(b => b.Client == client && b.Currency == currency);
        var found = await row.ExecuteUpdateAsync(set => set.SetProperty(b => b.Amount, b => b.Amount), cancellationToken);
        // Should another consumer add the same first row, one of the two fails on the primary key and runs again.
        return found > 0
            ? await row.SingleAsync(cancellationToken)
            : database.Balances.Add(new Balance { Client = client, Currency = currency, Amount = 0 }).Entity;
    }
}
