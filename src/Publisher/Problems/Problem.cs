using System.Diagnostics;
using System.Globalization;

namespace Messaging.Publisher;

/// <summary>
/// A refusal as RFC 9457 writes it. It never carries a stored payload, a whole key, or anything of an exception.
/// </summary>
internal sealed record Problem(ProblemType Type, string Detail) : IResult
{
    private const string ContentType = "application/problem+json";

    /// <summary>For <c>validation</c>: what is wrong, by member; <c>$</c> is the whole body.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>When it is worth while to send the request again.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>A response header that belongs to this refusal, such as <c>Accept</c> to 415.</summary>
    public (string Name, string Value)? Header { get; init; }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Type.Status;
        response.Headers.CacheControl = "no-store";
        if (RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (Header is var (name, value))
        {
            response.Headers[name] = value;
        }

        var body = new ProblemBody(
            ProblemAddress.Of(Type.Code, httpContext), Type.Title, Type.Status, Detail, Type.Code, Errors,
            Type.Status >= 500 ? Activity.Current?.TraceId.ToString() ?? httpContext.TraceIdentifier : null);
        await response.WriteAsJsonAsync(body, PublisherJson.Relaxed.ProblemBody, ContentType, httpContext.RequestAborted);
    }
}

/// <summary>
/// The members of a problem, in the order they are written. The trace id is there only where the operator must look: two
/// refusals of one kind are otherwise the same to the byte.
/// </summary>
internal sealed record ProblemBody(
    string Type,
    string Title,
    int Status,
    string Detail,
    string Code,
    IReadOnlyDictionary<string, string[]>? Errors,
    string? TraceId);
