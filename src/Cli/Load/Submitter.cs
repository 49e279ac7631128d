using System.Net;
using System.Text;

namespace Messaging.Cli;

/// <summary>
/// A careful client: sends one submission, always under the same key, until it is answered for good. It tries again after a lost
/// connection, no answer in time, 408, 409, 429 and 5xx, at the next address, after the pause that the service asks for.
/// </summary>
internal sealed class Submitter(LoadSettings settings, Journal journal, LoadFigures figures, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestCut = TimeSpan.FromMilliseconds(20);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = settings.Concurrency,
        ConnectTimeout = TimeSpan.FromSeconds(3),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
        UseCookies = false,
    })
    { Timeout = AnswerLimit };

    private int _turn;

    /// <summary>While true, every second request is first sent on a connection that is cut: in its body, or before its answer.</summary>
    public bool CutRequests { get; set; }

    public async Task SubmitAsync(PlannedRequest request, long due, CancellationToken cancellationToken)
    {
        var operation = Operation.Of(request.Key, settings.Operations);
        var key = settings.KeyPrefix + request.Key.ToString(System.Globalization.CultureInfo.InvariantCulture);
        // Another payload proves something only once the first one is known to be accepted.
        var conflicting = request.Kind == RequestKind.Conflict && journal.Find(key)?.Acceptance is not null;
        var body = operation.Body(request.Key, conflicting ? 1 : 0);
        journal.Attempt(key, operation.Name, operation.Body(request.Key, 0));
        figures.Begin();
        for (var attempt = 0; !await TrySubmitAsync(operation, key, body, conflicting, due, attempt, cancellationToken); attempt++)
        {
            figures.Retry();
        }
    }

    public void Dispose() => _http.Dispose();

    /// <returns>True when the answer is final.</returns>
    private async Task<bool> TrySubmitAsync(
        Operation operation, string key, string body, bool conflicting, long due, int attempt, CancellationToken cancellationToken)
    {
        var url = settings.Urls[(int)((uint)Interlocked.Increment(ref _turn) % settings.Urls.Count)];
        var pause = TimeSpan.FromMilliseconds(Math.Min(LongestPause.TotalMilliseconds, 20 * Math.Pow(2, Math.Min(attempt, 10))) * (0.5 + Random.Shared.NextDouble()));
        try
        {
            if (CutRequests && Random.Shared.Next(2) == 0)
            {
                await SendAndCutAsync(url, operation, key, body, cancellationToken);
            }

            using var message = Compose(url, operation, key, JsonBody(body));
            using var answer = await _http.SendAsync(message, cancellationToken);
            var text = await answer.Content.ReadAsStringAsync(cancellationToken);
            figures.Answer(((int)answer.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (IsFinal(answer.StatusCode))
            {
                Settle(answer, key, text, conflicting, due);
                return true;
            }

            pause = answer.Headers.RetryAfter?.Delta is { } asked && asked > pause ? (asked < LongestPause ? asked : LongestPause) : pause;
        }
        catch (HttpRequestException exception)
        {
            // Of TLS the outer message only points to the inner one.
            figures.Lose(LoadFigures.ConnectionLost, exception.HttpRequestError == HttpRequestError.SecureConnectionError ? exception.GetBaseException().Message : exception.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            figures.Lose(LoadFigures.NoAnswer, $"{url} did not answer within {Quantity.Text(AnswerLimit)}");
        }

        await Task.Delay(pause, time, cancellationToken);
        return false;
    }

    private void Settle(HttpResponseMessage answer, string key, string text, bool conflicting, long due)
    {
        if (conflicting)
        {
            journal.Conflict(key, (int)answer.StatusCode);
            return;
        }

        if (!answer.IsSuccessStatusCode)
        {
            journal.Refuse(key, (int)answer.StatusCode);
            return;
        }

        figures.Accept(answer.Headers.Contains("Idempotent-Replayed"), time.GetElapsedTime(due));
        journal.Accept(key, (int)answer.StatusCode, text, answer.Headers.Location is { } location ? new Uri(answer.RequestMessage!.RequestUri!, location) : null);
    }

    private async Task SendAndCutAsync(Uri url, Operation operation, string key, string body, CancellationToken cancellationToken)
    {
        figures.Answer(LoadFigures.CutOnPurpose);
        var inBody = Random.Shared.Next(2) == 0;
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var message = Compose(url, operation, key, inBody ? new CutContent(Encoding.UTF8.GetBytes(body)) : JsonBody(body));
        try
        {
            cut.CancelAfter(LongestCut * Random.Shared.NextDouble());
            using var answer = await _http.SendAsync(message, inBody ? cancellationToken : cut.Token);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // As intended: the service may have taken it, or not. The key tells.
        }
    }

    private HttpRequestMessage Compose(Uri url, Operation operation, string key, HttpContent content)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, operation.At(url)) { Content = content };
        message.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (settings.ApiKey is not null)
        {
            message.Headers.TryAddWithoutValidation("X-Api-Key", settings.ApiKey);
        }

        return message;
    }

    private static StringContent JsonBody(string body) => new(body, Encoding.UTF8, "application/json");

    private static bool IsFinal(HttpStatusCode status) =>
        status is < HttpStatusCode.InternalServerError and not (HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests);
}
