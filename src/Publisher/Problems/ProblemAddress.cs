using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>The type URI of a problem: the page of this service that explains it.</summary>
internal static class ProblemAddress
{
    public const string Path = "/problems";

    /// <summary>
    /// Under <c>Publisher__PublicUrl</c>, so that it stays the same behind every proxy; without that setting, under the
    /// address the caller used.
    /// </summary>
    public static string Of(string code, HttpContext http)
    {
        var configured = http.RequestServices.GetRequiredService<IOptions<PublisherOptions>>().Value.PublicUrl;
        var origin = configured?.TrimEnd('/') ?? $"{http.Request.Scheme}://{HostOf(http.Request)}{http.Request.PathBase}";
        return $"{origin}{Path}/{code}";
    }

    /// <summary>HTTP/1.0 allows a request without a host.</summary>
    private static string HostOf(HttpRequest request) => request.Host.HasValue ? request.Host.ToUriComponent() : "localhost";
}
