namespace Messaging.Consumer;

/// <summary>The effect of one payment.</summary>
public sealed class LedgerEntry
{
    /// <summary>Of this row, not of the payment: were a payment to take effect twice, there would be two rows.</summary>
    public required Guid Id { get; init; }

    public required Guid PaymentId { get; init; }

    public required string Client { get; init; }

    public required string IdempotencyKey { get; init; }

    public required decimal Amount { get; init; }

    public required string Currency { get; init; }

    public required DateTimeOffset CapturedAt { get; init; }
}

/// <summary>What a client has paid so far, in one currency: always the sum of its ledger entries.</summary>
public sealed class Balance
{
    public required string Client { get; init; }

    public required string Currency { get; init; }

    public required decimal Amount { get; set; }
}
