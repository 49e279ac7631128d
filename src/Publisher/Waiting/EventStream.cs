using System.Text;
using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// Server-sent events of one submission: its state now, then one event per change, and the end after the final one. A client
/// that connects again names the last event it saw; after the final one it is told 204, which tells it to stop.
/// </summary>
internal sealed record EventStream(SubmissionStatus First) : IResult
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (request, response) = (httpContext.Request, httpContext.Response);
        var seen = request.Headers["Last-Event-ID"].ToString();
        response.Headers.CacheControl = "no-store";
        if (seen == IdOf(SubmissionState.Completed))
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        response.ContentType = "text/event-stream";
        response.Headers["X-Accel-Buffering"] = "no"; // Tells nginx to pass events on as they come.
        if (HttpMethods.IsHead(request.Method))
        {
            return; // There is nothing to follow: only the headers were asked for.
        }

        if (seen != IdOf(First.State))
        {
            await SendAsync(response, First);
        }
        else
        {
            await CommentAsync(response);
        }

        if (First.State != SubmissionState.Completed)
        {
            await FollowAsync(httpContext);
        }
    }

    private async Task FollowAsync(HttpContext http)
    {
        var services = http.RequestServices;
        var (watcher, clock) = (services.GetRequiredService<OutcomeWatcher>(), services.GetRequiredService<TimeProvider>());
        var options = services.GetRequiredService<IOptions<WaitingOptions>>().Value;
        var stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var (known, started) = (First.State, clock.GetTimestamp());
        while (known != SubmissionState.Completed && !stopping.IsCancellationRequested && watcher.HasRoom)
        {
            var left = TimeSpan.FromSeconds(options.MaxStreamSeconds) - clock.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            var pause = TimeSpan.FromSeconds(Math.Min(options.KeepAliveSeconds, left.TotalSeconds));
            if (await watcher.WaitAsync(First.Id, known, pause, http.RequestAborted) is { } changed)
            {
                await SendAsync(http.Response, changed);
                known = changed.State;
            }
            else
            {
                await CommentAsync(http.Response);
            }
        }
    }

    private static async Task SendAsync(HttpResponse response, SubmissionStatus status)
    {
        await response.Body.WriteAsync(Utf8.GetBytes($"id: {IdOf(status.State)}\nevent: status\ndata: "), response.HttpContext.RequestAborted);
        await response.Body.WriteAsync(StatusAnswer.Write(status), response.HttpContext.RequestAborted);
        await response.Body.WriteAsync("\n\n"u8.ToArray(), response.HttpContext.RequestAborted);
        await response.Body.FlushAsync(response.HttpContext.RequestAborted);
    }

    private static async Task CommentAsync(HttpResponse response)
    {
        await response.Body.WriteAsync(": waiting\n\n"u8.ToArray(), response.HttpContext.RequestAborted);
        await response.Body.FlushAsync(response.HttpContext.RequestAborted);
    }

    private static string IdOf(SubmissionState state) => state switch
    {
        SubmissionState.Completed => "final",
        SubmissionState.Parked => "parked",
        _ => "accepted",
    };
}
