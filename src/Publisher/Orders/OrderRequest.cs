using Messaging.Contracts;

namespace Messaging.Publisher;

/// <summary>A valid body of <c>POST /api/orders</c>.</summary>
internal readonly record struct OrderRequest(string Item, int Quantity)
{
    /// <summary>Reads and checks a body; null, with errors, if it is not valid.</summary>
    public static OrderRequest? Read(ReadOnlyMemory<byte> body, LimitsOptions limits, ValidationErrors errors)
    {
        using var members = JsonMembers.Read(body, ["item", "quantity"], errors);
        var item = members?.Text("item", limits.MaxItemLength);
        var quantity = members?.Number("quantity", min: 1, limits.MaxQuantity, maxDecimals: 0);
        return errors.Any ? null : new(item!, (int)quantity!.Value);
    }
}

/// <summary>The answer to an accepted order, stored and given again to every replay.</summary>
internal sealed record OrderAcceptance(Guid OrderId, string Item, int Quantity, string Status = "accepted");
