namespace Messaging.Transactional;

/// <summary>
/// Bounds how long a handler may take for one call. One that never ends would hold its transaction, the keys of its batch and one of the few
/// workers for ever, and no retry would find it. When its time is up it is cancelled; one that does not listen is left to itself, and its
/// session is ended under it, so that nothing it still does takes effect.
/// </summary>
internal sealed class HandlerLimit(int milliseconds, CancellationToken cancellationToken) : IDisposable
{
    /// <summary>Whoever listens needs a moment to let go of the connection.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    private Task _running = Task.CompletedTask;

    /// <summary>For the handler.</summary>
    public CancellationToken Token => _over.Token;

    public bool IsOver => _over.IsCancellationRequested && !cancellationToken.IsCancellationRequested;

    /// <summary>It was given up and does not listen: it may be in the middle of a statement.</summary>
    public bool IsIgnored => !_running.IsCompleted;

    /// <summary>The next call begins.</summary>
    public void Restart() => _over.CancelAfter(milliseconds);

    /// <summary>Runs one or more calls, on a thread of their own: a handler may also block the one it has.</summary>
    /// <exception cref="OperationCanceledException">One of them took too long.</exception>
    public async Task<T> RunAsync<T>(Func<Task<T>> calls)
    {
        var running = Task.Run(calls, CancellationToken.None);
        _running = running;
        try
        {
            return await running.WaitAsync(_over.Token);
        }
        finally
        {
            // From here on it is the database's time that passes.
            _over.CancelAfter(Timeout.Infinite);
            await WaitAMomentAsync();
        }
    }

    /// <summary>Until it has let go, if it does.</summary>
    public async Task WaitAMomentAsync()
    {
        if (IsIgnored)
        {
            await Task.WhenAny(_running, Task.Delay(Grace, CancellationToken.None));
        }
    }

    public HandlerTimeoutException ToException(Exception inner) => new(
        $"The handler had not ended after {milliseconds} ms (Inbox__HandlerTimeoutMilliseconds) and was given up.", inner);

    public void Dispose() => _over.Dispose();
}

/// <summary>A handler took too long; nothing of what it did has taken effect.</summary>
internal sealed class HandlerTimeoutException(string message, Exception inner) : Exception(message, inner);
