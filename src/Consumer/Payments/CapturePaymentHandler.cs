using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>Writes the ledger and adds to the client's balance: an effect that shows at once if it happens twice.</summary>
internal sealed class CapturePaymentHandler(TimeProvider time) : IHandler<CapturePayment, ConsumerContext>
{
    public Task<Outcome> HandleAsync(Incoming<CapturePayment> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        // Whose it is, the claimed key says, not the body.
        var payment = incoming.Message with { Client = incoming.Key.Client, IdempotencyKey = incoming.Key.Key };
        var now = time.GetUtcNow();
        database.CapturedPayments.Add(new LedgerEntry
        {
            Id = Guid.CreateVersion7(now),
            PaymentId = payment.PaymentId,
            Client = payment.Client,
            IdempotencyKey = payment.IdempotencyKey,
            Amount = payment.Amount,
            Currency = payment.Currency,
            CapturedAt = now,
        });
        return Task.FromResult(Outcome
            .Completed("captured", new { payment.PaymentId })
            .Publishing(new PaymentCaptured(payment.Client, payment.PaymentId, payment.Amount, payment.Currency, now)));
    }
}
