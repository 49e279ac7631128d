using System.Threading.Channels;

namespace Messaging.Transactional;

/// <summary>
/// Lets many waiting items share one unit of work. A worker takes whatever waits, up to its bounds, the moment it is free: on an idle
/// system a single item runs at once, on a busy one the batch fills while the one before is being committed. No delay is ever paid,
/// unless one is asked for.
/// </summary>
/// <typeparam name="T">An item that knows how to answer whoever waits for it.</typeparam>
internal sealed class Batcher<T> : IAsyncDisposable
{
    private readonly Channel<T> _waiting;
    private readonly int _maxBatchSize;
    private readonly BatchBounds<T> _bounds;
    private readonly Func<IReadOnlyList<T>, Task> _run;
    private readonly Task[] _workers;

    /// <param name="workers">Units of work under way at once.</param>
    /// <param name="maxBatchSize">Most items in one.</param>
    /// <param name="capacity">Most items waiting; beyond it <see cref="TryAdd"/> refuses.</param>
    /// <param name="run">Runs a batch and answers each of its items; must not throw.</param>
    /// <param name="bounds">Further bounds; none, when left out.</param>
    public Batcher(int workers, int maxBatchSize, int capacity, Func<IReadOnlyList<T>, Task> run, BatchBounds<T>? bounds = null)
    {
        _waiting = Channel.CreateBounded<T>(new BoundedChannelOptions(capacity) { SingleReader = workers == 1 });
        _maxBatchSize = maxBatchSize;
        _bounds = bounds ?? BatchBounds<T>.None;
        _run = run;
        _workers = [.. Enumerable.Range(0, workers).Select(_ => Task.Run(WorkAsync))];
    }

    /// <summary>Hands in an item; false when too many wait already, or after disposal.</summary>
    public bool TryAdd(T item) => _waiting.Writer.TryWrite(item);

    /// <summary>Hands in an item, waiting for room; false after disposal.</summary>
    public async ValueTask<bool> AddAsync(T item, CancellationToken cancellationToken)
    {
        while (await _waiting.Writer.WaitToWriteAsync(cancellationToken))
        {
            if (_waiting.Writer.TryWrite(item))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes no more items and runs those that wait.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await Task.WhenAll(_workers);
    }

    private async Task WorkAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync())
        {
            var batch = new List<T>();
            var room = Take(batch, _bounds.MaxBytes);
            if (batch.Count > 0 && room > 0 && _bounds.MaxDelay > TimeSpan.Zero)
            {
                await FillAsync(batch, room);
            }

            if (batch.Count > 0)
            {
                await _run(batch);
            }
        }
    }

    /// <summary>Takes what waits until the batch has its items or its bytes. The item that reaches the bound is its last.</summary>
    /// <returns>The bytes that there is still room for; 0 when the batch is full.</returns>
    private long Take(List<T> batch, long room)
    {
        while (batch.Count < _maxBatchSize && room > 0 && _waiting.Reader.TryRead(out var item))
        {
            batch.Add(item);
            room -= _bounds.BytesOf(item);
        }

        return batch.Count < _maxBatchSize ? Math.Max(0, room) : 0;
    }

    private async Task FillAsync(List<T> batch, long room)
    {
        using var limit = new CancellationTokenSource(_bounds.MaxDelay, _bounds.Time);
        try
        {
            while (room > 0 && await _waiting.Reader.WaitToReadAsync(limit.Token))
            {
                room = Take(batch, room);
            }
        }
        catch (OperationCanceledException)
        {
            // As long as it may wait.
        }
    }
}
