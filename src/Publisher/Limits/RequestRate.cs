using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Limits how many requests a client makes. What is answered here was never looked at and leaves the key unused.</summary>
internal sealed class RequestRate(RequestDelegate next, IOptions<LimitsOptions> limits, TimeProvider clock)
{
    private readonly ClientBuckets _buckets = new(limits.Value.RequestsPerSecond, limits.Value.RequestBurst, clock);

    public Task InvokeAsync(HttpContext http)
    {
        if (http.Features.Get<Client>() is not { } client || _buckets.Of(client.Id).TryTake(out var retryAfterSeconds))
        {
            return next(http);
        }

        return new Problem(ProblemType.RateLimited, $"This client may make {limits.Value.RequestsPerSecond} requests a second.")
        {
            RetryAfterSeconds = retryAfterSeconds,
        }.ExecuteAsync(http);
    }
}
