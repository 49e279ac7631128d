namespace Messaging.Publisher;

/// <summary>Who is calling: scopes every key and every status. This is the only place that says so.</summary>
internal static class CurrentClient
{
    private const string Anonymous = "anonymous";

    /// <summary>The client's id, as configured.</summary>
    public static string ClientId(this HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return Anonymous;
    }
}
