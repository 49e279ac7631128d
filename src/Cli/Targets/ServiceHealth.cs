namespace Messaging.Cli;

/// <summary>What a service says of itself at <c>/health</c>.</summary>
/// <param name="name">For messages.</param>
/// <param name="address">Where it listens.</param>
/// <param name="logFile">Where a user finds out more.</param>
internal sealed class ServiceHealth(string name, Uri address, string logFile) : IDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _http = new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(2) };

    /// <param name="path"><c>health/live</c> or <c>health/ready</c>.</param>
    /// <param name="exitCode">Null while it runs.</param>
    /// <exception cref="FaultException">It has exited, or does not answer 200 in time.</exception>
    public async Task WaitAsync(string path, Func<int?> exitCode)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (!await AnswersAsync(path))
        {
            if (exitCode() is { } code)
            {
                throw new FaultException($"{name} exited with {code}. See {logFile}.");
            }

            if (TimeProvider.System.GetElapsedTime(startedAt) > AnswerLimit)
            {
                throw new FaultException($"{name} did not answer 200 at {new Uri(address, path)} within {Quantity.Text(AnswerLimit)}. See {logFile}.");
            }

            await Task.Delay(Interval, TimeProvider.System);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<bool> AnswersAsync(string path)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(path, UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
