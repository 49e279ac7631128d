using Microsoft.EntityFrameworkCore;

namespace Messaging.Consumer;

/// <summary>
/// What a batch adds to balances: summed up while its messages run, and written at its end, each balance once and in the order of their keys.
/// So a balance that many batches need is held from then to the commit, not while the messages run; and on PostgreSQL two batches that need
/// the same ones wait for each other, never in a circle.
/// </summary>
internal sealed class RunningBalances
{
    private readonly Dictionary<(string Client, string Currency), decimal> _sums = [];

    public void Add(string client, string currency, decimal amount) =>
        _sums[(client, currency)] = _sums.GetValueOrDefault((client, currency)) + amount;

    /// <summary>Writes what was added since the last time. On PostgreSQL in one statement, however many balances; elsewhere one by one.</summary>
    public async Task WriteAsync(ConsumerContext database, CancellationToken cancellationToken)
    {
        var sums = _sums.OrderBy(s => s.Key.Client, StringComparer.Ordinal).ThenBy(s => s.Key.Currency, StringComparer.Ordinal).ToList();
        _sums.Clear();
        if (sums.Count > 0 && database.Database.IsNpgsql())
        {
            await UpsertAsync(sums, database, cancellationToken);
            return;
        }

        foreach (var (key, sum) in sums)
        {
            (await LockAsync(key.Client, key.Currency, database, cancellationToken)).Amount += sum;
        }
    }

    private static Task<int> UpsertAsync(List<KeyValuePair<(string Client, string Currency), decimal>> sums, ConsumerContext database, CancellationToken cancellationToken)
    {
        var clients = sums.Select(s => s.Key.Client).ToArray();
        var currencies = sums.Select(s => s.Key.Currency).ToArray();
        var amounts = sums.Select(s => s.Value).ToArray();
        return database.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO balances (client, currency, amount)
            SELECT s.client, s.currency, s.amount FROM unnest({clients}, {currencies}, {amounts}) AS s (client, currency, amount)
            ORDER BY s.client, s.currency
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
