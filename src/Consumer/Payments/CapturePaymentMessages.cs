using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>What makes a message a valid payment, whoever sent it.</summary>
internal static class CapturePaymentMessages
{
    /// <exception cref="SettingException">It is no currency: every payment that names none would be parked for it.</exception>
    public static string ReadDefaultCurrency(IConfiguration configuration)
    {
        var currency = configuration["Payments:DefaultCurrency"] ?? "EUR";
        return IsCurrency(currency) ? currency : throw new SettingException("Payments__DefaultCurrency", currency, "three capital letters (ISO 4217), for instance EUR");
    }

    /// <summary>A foreign producer sends only the payload, <c>{"amount":100,"currency":"EUR"}</c>; the payment's id is made here.</summary>
    public static CapturePayment FromPayload(ForeignPayload payload, string defaultCurrency)
    {
        var payment = payload.Json.Deserialize<Payload>(PayloadJson.Options) ?? throw new JsonException("The payload is null.");
        return new CapturePayment(
            payload.Key.Client, payload.Key.Key, Guid.CreateVersion7(), payload.Fingerprint.Hex, payload.AcceptedAt, payment.Amount, payment.Currency ?? defaultCurrency);
    }

    public static string? FindProblem(CapturePayment payment) =>
        payment.Amount is <= 0 or > CapturePayment.MaxAmount ? $"amount is {payment.Amount}; it must be above 0 and at most {CapturePayment.MaxAmount}."
        : decimal.Round(payment.Amount, CapturePayment.MaxDecimals) != payment.Amount ? $"amount has more than {CapturePayment.MaxDecimals} decimals."
        : !IsCurrency(payment.Currency) ? "currency is not three capital letters."
        : null;

    private static bool IsCurrency(string text) => text.Length == 3 && text.All(char.IsAsciiLetterUpper);

    private sealed record Payload(decimal Amount, string? Currency = null);
}
