using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Consumer;

/// <summary>Writes the ledger and adds to the running balance: an effect that shows at once if it happens twice.</summary>
internal sealed class CapturePaymentHandler(TimeProvider time) : IHandler<CapturePayment, ConsumerContext>
{
    /// <summary>What this batch has locked: a handler is made anew for each.</summary>
    private readonly Dictionary<(string Client, string Currency), Balance> _locked = [];

    public async Task<Outcome> HandleAsync(Incoming<CapturePayment> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        // Whose it is, the claimed key says, not the body.
        var payment = incoming.Message with { Client = incoming.Key.Client, IdempotencyKey = incoming.Key.Key };
        var now = time.GetUtcNow();
        database.Ledger.Add(new LedgerEntry
        {
            Id = Guid.CreateVersion7(now),
            PaymentId = payment.PaymentId,
            Client = payment.Client,
            IdempotencyKey = payment.IdempotencyKey,
            Amount = payment.Amount,
            Currency = payment.Currency,
            CapturedAt = now,
        });
        var balance = await LockBalanceAsync(database, payment.Client, payment.Currency, cancellationToken);
        balance.Amount += payment.Amount;
        return Outcome
            .Completed("captured", new { payment.PaymentId })
            .Publishing(new PaymentCaptured(payment.Client, payment.PaymentId, payment.Amount, payment.Currency, now));
    }

    /// <summary>
    /// Once a batch, however many payments it has for the client: the others wait for the row no longer than that takes. What is read behind
    /// the lock nobody else changes, so it is added to here and written once, with everything else.
    /// </summary>
    private async ValueTask<Balance> LockBalanceAsync(ConsumerContext database, string client, string currency, CancellationToken cancellationToken)
    {
        if (_locked.TryGetValue((client, currency), out var locked))
        {
            return locked;
        }

        var row = database.Balances.Where(b => b.Client == client && b.Currency == currency);
        var found = await row.ExecuteUpdateAsync(set => set.SetProperty(b => b.Amount, b => b.Amount), cancellationToken);
        // Should another consumer add the same first row, one of the two fails on the primary key and runs again.
        var balance = found > 0
            ? await row.SingleAsync(cancellationToken)
            : database.Balances.Add(new Balance { Client = client, Currency = currency, Amount = 0 }).Entity;
        _locked.Add((client, currency), balance);
        return balance;
    }
}
