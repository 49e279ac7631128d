namespace Messaging.Contracts;

/// <summary>Command: create one order. Sent by the publisher to the queue <c>orders</c>, at least once; takes effect exactly once.</summary>
/// <param name="Client">Who submitted it: scopes the idempotency key. 1–255 characters.</param>
/// <param name="IdempotencyKey">The caller's <c>Idempotency-Key</c>, unquoted; compared byte by byte.</param>
/// <param name="OrderId">Made by the publisher when the order was accepted; the id of the status resource.</param>
/// <param name="Fingerprint">SHA-256 of the operation and the canonical payload, 64 lower-case hex digits.</param>
/// <param name="AcceptedAt">When the submission was accepted, UTC, by the publisher's clock.</param>
/// <param name="Item">What is ordered, 1–<see cref="MaxItemLength"/> characters.</param>
/// <param name="Quantity">How many, 1–<see cref="MaxQuantity"/>.</param>
public sealed record SubmitOrder(
    string Client,
    string IdempotencyKey,
    Guid OrderId,
    string Fingerprint,
    DateTimeOffset AcceptedAt,
    string Item,
    int Quantity)
{
    /// <summary>The stable name under which keys are remembered. Renaming it forgets every key: never change it.</summary>
    public const string Operation = "submit-order";

    /// <summary>The queue it travels through, and the exchange of the same name in front of it.</summary>
    public const string Queue = "orders";

    /// <summary>Longest item, in UTF-16 code units.</summary>
    public const int MaxItemLength = 200;

    /// <summary>Largest quantity.</summary>
    public const int MaxQuantity = 1_000_000;
}
