using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Consumer;

/// <summary>Writes the ledger and adds to the running balance: an effect that shows at once if it happens twice.</summary>
internal sealed class CapturePaymentHandler(TimeProvider time) : IHandler<CapturePayment, ConsumerContext>
{
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
        await AddToBalanceAsync(database, payment, cancellationToken);
        return Outcome
            .Completed("captured", new { payment.PaymentId })
            .Publishing(new PaymentCaptured(payment.Client, payment.PaymentId, payment.Amount, payment.Currency, now));
    }

    /// <summary>The database adds, so that two consumers at work on one client cannot overwrite each other.</summary>
    private static async Task AddToBalanceAsync(ConsumerContext database, CapturePayment payment, CancellationToken cancellationToken)
    {
        if (database.Balances.Local.FirstOrDefault(b => b.Client == payment.Client && b.Currency == payment.Currency) is { } added)
        {
            added.Amount += payment.Amount;
            return;
        }

        var updated = await database.Balances
            .Where(b => b.Client == payment.Client && b.Currency == payment.Currency)
            .ExecuteUpdateAsync(set => set.SetProperty(b => b.Amount, b => b.Amount + payment.Amount), cancellationToken);
        if (updated == 0)
        {
            // Should another consumer add the same first row, one of the two fails on the primary key and runs again.
            database.Balances.Add(new Balance { Client = payment.Client, Currency = payment.Currency, Amount = payment.Amount });
        }
    }
}
