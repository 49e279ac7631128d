using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// The outermost step: whatever went wrong further in leaves as a problem, in Production as in Development. Nothing that is
/// answered here was stored, or the key finds it.
/// </summary>
internal sealed partial class ProblemAnswers(RequestDelegate next, IOptions<LimitsOptions> limits, ILogger<ProblemAnswers> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null })
            {
                await OfStatus(http.Response.StatusCode).ExecuteAsync(http);
            }
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone: nobody is left to answer. A retry under the same key gets the right answer.
            // An event stream has begun to answer: its status is sent, and setting another is an error.
            if (!http.Response.HasStarted)
            {
                http.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            }
        }
        catch (Exception failure) when (!http.Response.HasStarted)
        {
            await Explain(failure).ExecuteAsync(http);
        }
    }

    private Problem OfStatus(int status) => ProblemType.OfStatus(status) switch
    {
        var type when type == ProblemType.NotFound => NothingHere,
        var type when type == ProblemType.BodyTooLarge => TooLarge(limits.Value.MaxBodyBytes),
        var type => new Problem(type, type.Mend),
    };

    private Problem Explain(Exception failure)
    {
        switch (failure)
        {
            case BadHttpRequestException bad:
                return OfStatus(bad.StatusCode);
            case DatabaseUnavailableException unavailable:
                LogUnavailable(unavailable);
                return new Problem(ProblemType.Unavailable, "The database cannot be used now. Nothing is processed without it.") { RetryAfterSeconds = 5 };
            default:
                LogFailure(failure);
                return new Problem(ProblemType.Internal, ProblemType.Internal.Mend);
        }
    }

    /// <summary>One answer for an unknown address, an unknown id and another client's id: nobody learns which it was.</summary>
    public static Problem NothingHere { get; } = new(ProblemType.NotFound, ProblemType.NotFound.Mend);

    public static Problem TooLarge(int limit) => new(ProblemType.BodyTooLarge, $"The body may have at most {limit} bytes.")
    {
        // The rest of the body stays unread, so the connection cannot carry another request.
        Header = ("Connection", "close"),
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database is unavailable; the request was answered 503.")]
    private partial void LogUnavailable(Exception failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request failed; it was answered 500.")]
    private partial void LogFailure(Exception failure);
}
