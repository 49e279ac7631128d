using System.Net;
using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A well-behaved client: it sends the same key until it is told something, and writes down every answer.</summary>
internal sealed class Caller(HttpClient http, Journal journal)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public Task SubmitAsync(IEnumerable<Request> requests) => Task.WhenAll(requests.Select(SubmitAsync));

    public Task SubmitAsync(Request request) => Eventually.True(() => TryAsync(request), Patience, $"an answer to {request.Key}");

    /// <summary>Once; false when the answer says nothing, or there was none.</summary>
    public async Task<bool> TryAsync(Request request, CancellationToken hangUp = default)
    {
        try
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, request.Path) { Content = new StringContent(request.Json, Encoding.UTF8, "application/json") };
            message.Headers.TryAddWithoutValidation("Idempotency-Key", request.Key);
            using var answer = await http.SendAsync(message, hangUp);
            switch (answer.StatusCode)
            {
                case HttpStatusCode.Accepted:
                    journal.Accepted(request, await answer.Content.ReadAsStringAsync(hangUp));
                    return true;
                case HttpStatusCode.UnprocessableEntity:
                    journal.Refused(request);
                    return true;
                default:
                    journal.Unknown(request);
                    return false;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException)
        {
            journal.Unknown(request);
            return false;
        }
    }
}
