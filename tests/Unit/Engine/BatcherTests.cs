using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class BatcherTests
{
    [Fact]
    public async Task An_item_that_comes_alone_runs_alone_at_once()
    {
        var runs = new Runs();
        await using var batcher = new Batcher<int>(1, 100, 100, runs.RunAsync, new(long.MaxValue, _ => 0, TimeSpan.Zero, new NoWaiting()));

        for (var i = 0; i < 3; i++)
        {
            Assert.True(batcher.TryAdd(i));
            await Eventually.Equal(i + 1, () => Task.FromResult(runs.Done.Count));
        }

        Assert.Equal([[0], [1], [2]], runs.Done);
    }

    [Fact]
    public async Task What_waits_while_one_runs_shares_the_next_run_up_to_the_bound()
    {
        var runs = new Runs { Hold = new TaskCompletionSource() };
        await using var batcher = new Batcher<int>(1, 4, 100, runs.RunAsync);
        batcher.TryAdd(0);
        await Eventually.Equal(1, () => Task.FromResult(runs.Begun));

        for (var i = 1; i <= 10; i++)
        {
            batcher.TryAdd(i);
        }

        runs.Hold.SetResult();
        await Eventually.Equal(4, () => Task.FromResult(runs.Done.Count));

        Assert.Equal([[0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10]], runs.Done);
    }

    [Fact]
    public async Task The_item_that_reaches_the_bytes_is_the_last_of_its_batch()
    {
        var runs = new Runs { Hold = new TaskCompletionSource() };
        await using var batcher = new Batcher<int>(1, 100, 100, runs.RunAsync, new(MaxBytes: 10, i => i, TimeSpan.Zero, TimeProvider.System));
        batcher.TryAdd(1);
        await Eventually.Equal(1, () => Task.FromResult(runs.Begun));
        foreach (var bytes in (int[])[4, 4, 4, 50, 1, 9, 2])
        {
            batcher.TryAdd(bytes);
        }

        runs.Hold.SetResult();
        await Eventually.Equal(5, () => Task.FromResult(runs.Done.Count));

        Assert.Equal([[1], [4, 4, 4], [50], [1, 9], [2]], runs.Done);
    }

    [Fact]
    public async Task A_batch_that_may_wait_for_more_runs_as_soon_as_it_is_full()
    {
        var runs = new Runs();
        await using var batcher = new Batcher<int>(1, 3, 100, runs.RunAsync, new(long.MaxValue, _ => 0, TimeSpan.FromHours(1), TimeProvider.System));
        for (var i = 0; i < 6; i++)
        {
            batcher.TryAdd(i);
        }

        await Eventually.Equal(2, () => Task.FromResult(runs.Done.Count));
        Assert.Equal([[0, 1, 2], [3, 4, 5]], runs.Done);
    }

    [Fact]
    public async Task A_batch_that_has_waited_long_enough_runs_as_it_is()
    {
        var runs = new Runs();
        await using var batcher = new Batcher<int>(1, 3, 100, runs.RunAsync, new(long.MaxValue, _ => 0, TimeSpan.FromMilliseconds(1), TimeProvider.System));
        batcher.TryAdd(7);
        await Eventually.Equal(1, () => Task.FromResult(runs.Done.Count));
        Assert.Equal([[7]], runs.Done);
    }

    [Fact]
    public async Task More_than_may_wait_is_refused_or_waits_for_room()
    {
        var runs = new Runs { Hold = new TaskCompletionSource() };
        await using var batcher = new Batcher<int>(1, 1, 2, runs.RunAsync);
        batcher.TryAdd(0);
        await Eventually.Equal(1, () => Task.FromResult(runs.Begun));

        Assert.True(batcher.TryAdd(1));
        Assert.True(batcher.TryAdd(2));
        Assert.False(batcher.TryAdd(3));
        var waits = batcher.AddAsync(4, TestContext.Current.CancellationToken).AsTask();
        Assert.False(waits.IsCompleted);

        runs.Hold.SetResult();
        Assert.True(await waits);
        await Eventually.Equal(4, () => Task.FromResult(runs.Done.Count));
    }

    [Fact]
    public async Task Workers_run_side_by_side_and_not_more_of_them()
    {
        var runs = new Runs { Hold = new TaskCompletionSource() };
        await using var batcher = new Batcher<int>(2, 1, 100, runs.RunAsync);
        for (var i = 0; i < 10; i++)
        {
            batcher.TryAdd(i);
        }

        await Eventually.Equal(2, () => Task.FromResult(runs.Begun));
        runs.Hold.SetResult();
        await Eventually.Equal(10, () => Task.FromResult(runs.Done.Count));

        Assert.Equal(2, runs.MostAtOnce);
    }

    [Fact]
    public async Task Disposal_runs_what_waits_and_takes_no_more()
    {
        var runs = new Runs { Hold = new TaskCompletionSource() };
        var batcher = new Batcher<int>(1, 10, 100, runs.RunAsync);
        for (var i = 0; i < 25; i++)
        {
            batcher.TryAdd(i);
        }

        var disposal = batcher.DisposeAsync().AsTask();
        Assert.False(batcher.TryAdd(99));
        Assert.False(await batcher.AddAsync(99, TestContext.Current.CancellationToken));
        Assert.False(disposal.IsCompleted);
        runs.Hold.SetResult();
        await disposal;

        Assert.Equal(Enumerable.Range(0, 25), runs.Done.SelectMany(b => b));
    }

    /// <summary>Nobody has asked for a delay: whoever waits for a time all the same, waits for nothing.</summary>
    private sealed class NoWaiting : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            throw new InvalidOperationException($"Somebody waits for {dueTime}.");
    }

    private sealed class Runs
    {
        private readonly List<List<int>> _done = [];

        private int _begun;

        private int _running;

        public TaskCompletionSource? Hold { get; init; }

        public int Begun => Volatile.Read(ref _begun);

        public int MostAtOnce { get; private set; }

        public List<List<int>> Done
        {
            get
            {
                lock (_done)
                {
                    return [.. _done];
                }
            }
        }

        public async Task RunAsync(IReadOnlyList<int> batch)
        {
            Interlocked.Increment(ref _begun);
            lock (_done)
            {
                MostAtOnce = Math.Max(MostAtOnce, ++_running);
            }

            if (Hold is not null)
            {
                await Hold.Task;
            }

            lock (_done)
            {
                _running--;
                _done.Add([.. batch]);
            }
        }
    }
}
