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
    /// <summary>ISO 4217, for payments that name no currency. A replay keeps the currency of its first acceptance.</summary>
    [RegularExpression("[A-Z]{3}", ErrorMessage = "Payments__DefaultCurrency must be three capital letters (ISO 4217), for instance EUR.")]
    [Required(ErrorMessage = "Payments__DefaultCurrency must be three capital letters (ISO 4217), for instance EUR.")]
    public string DefaultCurrency { get; set; } = "EUR";
}

/// <summary>Section <c>Limits</c>.</summary>
internal sealed class LimitsOptions
{
    /// <summary>Largest body, in bytes. The longest valid order, all of it escaped, has about 1,300.</summary>
    [Range(2048, 1024 * 1024, ErrorMessage = "Limits__MaxBodyBytes must be from 2048 to 1048576 bytes.")]
    public int MaxBodyBytes { get; set; } = 16 * 1024;

    /// <summary>Longest item, in UTF-16 code units.</summary>
    [Range(1, SubmitOrder.MaxItemLength, ErrorMessage = "Limits__MaxItemLength must be from 1 to 200 characters.")]
    public int MaxItemLength { get; set; } = SubmitOrder.MaxItemLength;

    /// <summary>Largest quantity of one order.</summary>
    [Range(1, SubmitOrder.MaxQuantity, ErrorMessage = "Limits__MaxQuantity must be from 1 to 1000000.")]
    public int MaxQuantity { get; set; } = SubmitOrder.MaxQuantity;

    /// <summary>Largest amount of one payment, in units of its currency.</summary>
    [Range(typeof(decimal), "0.0001", "99999999999.9999", ParseLimitsInInvariantCulture = true, ErrorMessage = "Limits__MaxAmount must be from 0.0001 to 99999999999.9999.")]
    public decimal MaxAmount { get; set; } = CapturePayment.MaxAmount;
}

[OptionsValidator]
internal sealed partial class PublisherOptionsValidator : IValidateOptions<PublisherOptions>;

[OptionsValidator]
internal sealed partial class PaymentsOptionsValidator : IValidateOptions<PaymentsOptions>;

[OptionsValidator]
internal sealed partial class LimitsOptionsValidator : IValidateOptions<LimitsOptions>;
