namespace Messaging.Contracts;

/// <summary>Command: capture one payment. Sent by the publisher to the queue <c>payments</c>, at least once; takes effect exactly once.</summary>
/// <param name="Client">Who submitted it: scopes the idempotency key. 1–255 characters.</param>
/// <param name="IdempotencyKey">The caller's <c>Idempotency-Key</c>, unquoted; compared byte by byte.</param>
/// <param name="PaymentId">Made by the publisher when the payment was accepted; the id of the status resource.</param>
/// <param name="Fingerprint">SHA-256 of the operation and the canonical payload, 64 lower-case hex digits.</param>
/// <param name="AcceptedAt">When the submission was accepted, UTC, by the publisher's clock.</param>
/// <param name="Amount">In units of the currency, above 0 up to <see cref="MaxAmount"/>, at most <see cref="MaxDecimals"/> decimals.</param>
/// <param name="Currency">ISO 4217, three capital letters.</param>
public sealed record CapturePayment(
    string Client,
    string IdempotencyKey,
    Guid PaymentId,
    string Fingerprint,
    DateTimeOffset AcceptedAt,
    decimal Amount,
    string Currency)
{
    /// <summary>The stable name under which keys are remembered. Renaming it forgets every key: never change it.</summary>
    public const string Operation = "capture-payment";

    /// <summary>The queue it travels through, and the exchange of the same name in front of it.</summary>
    public const string Queue = "payments";

    /// <summary>Decimals an amount may have; ISO 4217 knows at most four.</summary>
    public const int MaxDecimals = 4;

    /// <summary>Largest amount. With four decimals it has fifteen digits: the most that the canonical form of a number tells apart.</summary>
    public const decimal MaxAmount = 99_999_999_999.9999m;
}
