using System.Globalization;

namespace Messaging.Cli;

/// <summary>Where a submission goes, and what is in it: the n-th key always carries the same payload.</summary>
internal sealed record Operation(string Name, string Path, Func<int, int, string> Body)
{
    public static readonly Operation Orders = new("submit-order", "/api/orders", (n, variant) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"item":"item {{n}}","quantity":{{1 + (n % 7) + (variant * 10)}}}"""));

    public static readonly Operation Payments = new("capture-payment", "/api/payments", (n, variant) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"amount":{{1 + (n % 900) + (variant * 1000)}}.25}"""));

    /// <summary>Below the path of the address, where a deployment has one in front of its own.</summary>
    public Uri At(Uri url) => new(url.GetLeftPart(UriPartial.Path).TrimEnd('/') + Path);

    /// <summary>Of both, every fifth key is a payment.</summary>
    public static Operation Of(int key, LoadOperations operations) => operations switch
    {
        LoadOperations.Orders => Orders,
        LoadOperations.Payments => Payments,
        _ => key % 5 == 4 ? Payments : Orders,
    };
}

internal enum LoadOperations
{
    Orders,
    Payments,
    Both,
}
