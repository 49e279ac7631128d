using System.ComponentModel.DataAnnotations;
using Messaging.Contracts;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Section <c>Publisher</c>.</summary>
internal sealed class PublisherOptions
{
    /// <summary>How callers reach this service, for instance <c>https://orders.example.com</c>; null: as each request was addressed.</summary>
    [RegularExpression("https?://[^?#]+", ErrorMessage = "Publisher__PublicUrl must be an absolute http or https address without query, for instance https://orders.example.com.")]
    public string? PublicUrl { get; set; }
}

/// <summary>Section <c>Idempotency</c>.</summary>
internal sealed class IdempotencyOptions
{
    /// <summary>Refuse bare keys (<c>Idempotency-Key: abc</c>) and take RFC 9651 Strings only. Default: take both.</summary>
    public bool Strict { get; set; }
}

/// <summary>Section <c>Payments</c>.</summary>
internal sealed class PaymentsOptions
{
    /// <summary>ISO 4217, for payments that name no currency. A replay keeps the currency of its first acceptance. The Consumer takes it for foreign producers' payments: set it alike on both.</summary>
    [RegularExpression("[A-Z]{3}", ErrorMessage = "Payments__DefaultCurrency must be three capital letters (ISO 4217), for instance EUR.")]
    [Required(ErrorMessage = "Payments__DefaultCurrency must be three capital letters (ISO 4217), for instance EUR.")]
    public string DefaultCurrency { get; set; } = "EUR";
}

/// <summary>Section <c>Limits</c>.</summary>
internal sealed class LimitsOptions
{
    /// <summary>Largest body, in bytes. The longest valid order, all of it escaped, has about 1,300.</summary>
    [Range(2048, 1024 * 1024)]
    public int MaxBodyBytes { get; set; } = 16 * 1024;

    /// <summary>Longest item, in UTF-16 code units.</summary>
    [Range(1, SubmitOrder.MaxItemLength)]
    public int MaxItemLength { get; set; } = SubmitOrder.MaxItemLength;

    /// <summary>Largest quantity of one order.</summary>
    [Range(1, SubmitOrder.MaxQuantity)]
    public int MaxQuantity { get; set; } = SubmitOrder.MaxQuantity;

    /// <summary>Largest amount of one payment, in units of its currency.</summary>
    [Range(typeof(decimal), "0.0001", "99999999999.9999", ParseLimitsInInvariantCulture = true)]
    public decimal MaxAmount { get; set; } = CapturePayment.MaxAmount;

    /// <summary>Requests of one client, per second.</summary>
    [Range(1, 1_000_000)]
    public int RequestsPerSecond { get; set; } = 10_000;

    /// <summary>Requests of one client at once, after a pause.</summary>
    [Range(1, 1_000_000)]
    public int RequestBurst { get; set; } = 20_000;

    /// <summary>New keys of one client, per second; replays do not count.</summary>
    [Range(1, 1_000_000)]
    public int NewKeysPerSecond { get; set; } = 5_000;

    /// <summary>New keys of one client at once, after a pause.</summary>
    [Range(1, 1_000_000)]
    public int NewKeyBurst { get; set; } = 10_000;

    /// <summary>Rows that may wait for the broker before new submissions are answered 503.</summary>
    [Range(1, int.MaxValue)]
    public int MaxOutgoingRows { get; set; } = 1_000_000;
}

/// <summary>Section <c>Waiting</c>: <c>Prefer: wait</c> and event streams.</summary>
internal sealed class WaitingOptions
{
    /// <summary>Longest wait that <c>Prefer: wait=N</c> is granted, in seconds.</summary>
    [Range(0, 300)]
    public int MaxWaitSeconds { get; set; } = 30;

    /// <summary>How often the one watcher looks for outcomes while somebody waits, in milliseconds.</summary>
    [Range(10, 10_000)]
    public int IntervalMilliseconds { get; set; } = 100;

    /// <summary>Callers that may wait at once. More are answered at once, as if they had not asked to wait; more streams are answered 429.</summary>
    [Range(0, 100_000)]
    public int MaxWaiting { get; set; } = 10_000;

    /// <summary>After so many seconds a stream ends and the client connects again, as event streams do by themselves.</summary>
    [Range(1, 86_400)]
    public int MaxStreamSeconds { get; set; } = 600;

    /// <summary>A comment is sent on a silent stream so often, in seconds, so that no proxy takes it for dead.</summary>
    [Range(1, 300)]
    public int KeepAliveSeconds { get; set; } = 15;
}

[OptionsValidator]
internal sealed partial class PublisherOptionsValidator : IValidateOptions<PublisherOptions>;

[OptionsValidator]
internal sealed partial class PaymentsOptionsValidator : IValidateOptions<PaymentsOptions>;

[OptionsValidator]
internal sealed partial class LimitsOptionsValidator : IValidateOptions<LimitsOptions>;

[OptionsValidator]
internal sealed partial class WaitingOptionsValidator : IValidateOptions<WaitingOptions>;
