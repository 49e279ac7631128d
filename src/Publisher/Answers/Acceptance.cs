using System.Buffers;
using System.Globalization;
using Messaging.Transactional;

namespace Messaging.Publisher;

/// <summary>
/// 202: the submission is committed. A replay gives the very bytes of the first acceptance, whatever has become of it since;
/// the live state is at Location.
/// </summary>
/// <param name="Location">Path of the status.</param>
/// <param name="Body">The stored acceptance.</param>
/// <param name="Key">Echoed to the caller, who sent it.</param>
/// <param name="Replayed">Whether the key was known.</param>
internal sealed record Acceptance(string Location, byte[] Body, IdempotencyKey Key, bool Replayed) : IResult
{
    /// <summary>How soon it is worth while to look at Location.</summary>
    public const int RetryAfterSeconds = 1;

    public const string ReplayedHeader = "Idempotent-Replayed";

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status202Accepted;
        response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        response.Headers.CacheControl = "no-store";
        WriteHeaders(httpContext);
        response.ContentType = "application/json";
        response.ContentLength = Body.Length;
        response.BodyWriter.Write(Body);
        CrashPoint.Reach("P5");
        return response.BodyWriter.FlushAsync(httpContext.RequestAborted).AsTask();
    }

    /// <summary>What every answer to an accepted submission carries, whether or not its caller waited for the outcome.</summary>
    public void WriteHeaders(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.Location = http.Request.PathBase.Add(Location).ToUriComponent();
        headers[IdempotencyKey.Header] = Key.ToString();
        if (Replayed)
        {
            headers[ReplayedHeader] = "true";
        }
    }
}
