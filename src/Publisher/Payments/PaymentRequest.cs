using Messaging.Contracts;

namespace Messaging.Publisher;

/// <summary>A valid body of <c>POST /api/payments</c>.</summary>
internal readonly record struct PaymentRequest(decimal Amount, string Currency)
{
    private const int CurrencyLength = 3;

    /// <summary>One unit of the last decimal: every amount is above zero.</summary>
    private const decimal MinAmount = 0.0001m;

    /// <summary>Reads and checks a body; null, with errors, if it is not valid.</summary>
    public static PaymentRequest? Read(ReadOnlyMemory<byte> body, LimitsOptions limits, string defaultCurrency, ValidationErrors errors)
    {
        using var members = JsonMembers.Read(body, ["amount", "currency"], errors);
        var amount = members?.Number("amount", MinAmount, limits.MaxAmount, CapturePayment.MaxDecimals);
        var currency = members?.TextOr("currency", defaultCurrency, CurrencyLength);
        if (currency is not null && (currency.Length != CurrencyLength || !currency.All(char.IsAsciiLetterUpper)))
        {
            errors.Add("currency", "Must be three capital letters (ISO 4217).");
        }

        return errors.Any ? null : new(amount!.Value, currency!);
    }
}

/// <summary>The answer to an accepted payment, stored and given again to every replay.</summary>
internal sealed record PaymentAcceptance(Guid PaymentId, decimal Amount, string Currency, string Status = "accepted");
