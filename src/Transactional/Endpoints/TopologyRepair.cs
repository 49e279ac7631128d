namespace Messaging.Transactional;

/// <summary>
/// Has a queue or binding that somebody deleted declared again before a later attempt. Not at once: where a quorum queue of the same name is
/// there again before RabbitMQ has told the consumers of the deleted one, it delivers to them what they never see, and nobody else gets it.
/// </summary>
internal sealed class TopologyRepair
{
    /// <summary>Before a message that was returned comes again for the first time; RabbitMQ needs milliseconds.</summary>
    public static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;

    /// <summary>A message was returned. One repair serves all that are returned until it has ended; what is still missing then is missed again.</summary>
    /// <param name="declareAsync">Declares what is missing; must not throw.</param>
    /// <param name="stoppingToken">Ends the wait and the declaring.</param>
    public void Request(Func<CancellationToken, Task> declareAsync, CancellationToken stoppingToken)
    {
        lock (_lock)
        {
            if (_running.IsCompleted)
            {
                _running = RunAsync(declareAsync, stoppingToken);
            }
        }
    }

    /// <summary>Until none is under way.</summary>
    public Task FinishedAsync()
    {
        lock (_lock)
        {
            return _running;
        }
    }

    private static async Task RunAsync(Func<CancellationToken, Task> declareAsync, CancellationToken stoppingToken)
    {
        await Task.Delay(Delay, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            await declareAsync(stoppingToken);
        }
    }
}
