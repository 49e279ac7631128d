using Messaging.Transactional;

namespace Messaging.Publisher;

/// <summary>Who is calling: scopes every key and every status.</summary>
/// <param name="Id">As configured, or as the identity provider has it.</param>
/// <param name="Operations">The operations it may use; null for all.</param>
internal sealed record Client(string Id, IReadOnlyList<string>? Operations)
{
    public static Client Anonymous { get; } = new("anonymous", null);

    /// <summary>
    /// The id goes with the message, in a header. One that the consumer does not take would be accepted here and parked there, so none
    /// such is let in, however it comes.
    /// </summary>
    public static bool IsId(string id) =>
        id.Length is > 0 and <= ScopedKey.MaxLength && id.All(symbol => symbol is > ' ' and <= '~') && id != Anonymous.Id;

    /// <summary>The same in words.</summary>
    public static string IdRule { get; } = $"a client's name has 1 to {ScopedKey.MaxLength} visible ASCII characters and is not '{Anonymous.Id}'";

    public bool May(string operation) => Operations is null || Operations.Contains(operation, StringComparer.Ordinal);
}

/// <summary>What an endpoint does; a client that may not is answered 403.</summary>
internal sealed record OperationMetadata(string Operation);

/// <summary>The one place that says who is calling.</summary>
internal static class CurrentClient
{
    public static string ClientId(this HttpContext http) =>
        http.Features.Get<Client>()?.Id ?? throw new InvalidOperationException("The request has passed no authentication.");
}
