using System.Globalization;

namespace Messaging.Services;

/// <summary>One order or payment under one key. The payload is told apart by its number, so that a swapped effect shows.</summary>
public sealed record Request(bool IsPayment, string Key, int Number)
{
    /// <summary>Under whom the server files the key; over HTTP our tests are the one client without credentials.</summary>
    public string Client { get; init; } = "anonymous";

    public string Path => IsPayment ? "api/payments" : "api/orders";

    public string Operation => IsPayment ? "capture-payment" : "submit-order";

    public string Queue => IsPayment ? "payments" : "orders";

    public string Json => IsPayment ? $$"""{"amount":{{Number}}.25}""" : $$"""{"item":"item {{Number}}","quantity":{{Number}}}""";

    /// <summary>What the effect must show, as <see cref="Effect.Payload"/> writes it.</summary>
    public string Payload => IsPayment ? $"{Number}.25" : $"item {Number} x {Number}";

    public static Request Order(string key, int number = 1) => new(false, key, number);

    public static Request Payment(string key, int number = 1) => new(true, key, number);
}

/// <summary>One row that a handler wrote; only a payment has a <paramref name="Currency"/>.</summary>
public sealed record Effect(string Operation, string Client, string Key, string Payload, string? Currency = null)
{
    public static string OfOrder(string item, long quantity) => string.Create(CultureInfo.InvariantCulture, $"{item} x {quantity}");

    public static string OfPayment(decimal amount) => amount.ToString("0.##", CultureInfo.InvariantCulture);
}
