namespace Messaging.Contracts;

/// <summary>Event: an order exists. Written in the transaction that created it; its <c>Idempotency-Key</c> header derives from the order's key.</summary>
/// <param name="Client">Who submitted the order.</param>
/// <param name="OrderId">The order.</param>
/// <param name="Item">What is ordered.</param>
/// <param name="Quantity">How many.</param>
/// <param name="CreatedAt">When it took effect, UTC, by the consumer's clock.</param>
public sealed record OrderCreated(string Client, Guid OrderId, string Item, int Quantity, DateTimeOffset CreatedAt);

/// <summary>Event: a payment was captured. Written in the transaction that captured it; its <c>Idempotency-Key</c> header derives from the payment's key.</summary>
/// <param name="Client">Who submitted the payment.</param>
/// <param name="PaymentId">The payment.</param>
/// <param name="Amount">In units of the currency.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="CapturedAt">When it took effect, UTC, by the consumer's clock.</param>
public sealed record PaymentCaptured(string Client, Guid PaymentId, decimal Amount, string Currency, DateTimeOffset CapturedAt);
