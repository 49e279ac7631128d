using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;

namespace Messaging.Cli;

/// <summary>
/// Looks every second or two at what the clients and the database say. A database that does not answer leaves a gap, and so does a window in
/// which throughput is measured: counting rows takes the longer the more there are, and would slow down the last window more than the first.
/// </summary>
internal sealed class Probe : IAsyncDisposable
{
    private const string Counts = """
        SELECT (SELECT COUNT(*) FROM submissions), (SELECT COUNT(*) FROM inbox), (SELECT COUNT(*) FROM outgoing_messages), (SELECT COUNT(*) FROM parked_messages)
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Without its edges a window says nothing.</summary>
    private static readonly TimeSpan PatienceAtEdge = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<Sample> _samples = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly LoadFigures _figures;
    private readonly Journal _journal;
    private readonly AuditDatabase? _database;
    private readonly long _effectsBefore;
    private readonly TimeSpan _interval;
    private readonly Func<TimeSpan> _clock;
    private readonly Func<long?> _memory;
    private readonly Action<Sample, double?> _seen;
    private readonly Task _work;
    private volatile bool _isMeasuring;
    private Sample? _counted;

    /// <param name="figures">What the clients count.</param>
    /// <param name="journal">What they remember.</param>
    /// <param name="database">Null where there is none to look into.</param>
    /// <param name="effectsBefore">Keys that had taken effect before the run.</param>
    /// <param name="interval">Counting costs the database something: less often in a long run.</param>
    /// <param name="memory">Of the largest service.</param>
    /// <param name="clock">Since the run began.</param>
    /// <param name="seen">Told each sample, and when the database was counted if that was earlier.</param>
    public Probe(LoadFigures figures, Journal journal, AuditDatabase? database, long effectsBefore, TimeSpan interval, Func<long?> memory, Func<TimeSpan> clock, Action<Sample, double?> seen)
    {
        (_figures, _journal, _database, _effectsBefore, _interval, _memory, _clock, _seen) = (figures, journal, database, effectsBefore, interval, memory, clock, seen);
        _work = Task.Run(WatchAsync);
    }

    public IReadOnlyList<Sample> Samples => [.. _samples];

    /// <summary>Counts at the beginning and at the end of a window, and not within it.</summary>
    public async Task MeasureAsync(Func<Task> window)
    {
        _isMeasuring = true;
        try
        {
            await LookAsync(atEdge: true);
            await window();
            await LookAsync(atEdge: true);
        }
        finally
        {
            _isMeasuring = false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _turn.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(_interval);
            do
            {
                await LookAsync(atEdge: false);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The run is over.
        }
    }

    private async Task LookAsync(bool atEdge)
    {
        await _turn.WaitAsync();
        try
        {
            // Before the database is asked, which may take its time: memory grows just when it is away.
            var memory = _memory();
            var isCounting = atEdge || !_isMeasuring;
            var sample = await LookAsync(isCounting, memory);
            for (var began = _clock(); atEdge && _database is not null && sample.Effects is null && _clock() - began < PatienceAtEdge;)
            {
                sample = await LookAsync(isCounting, memory);
            }

            _samples.Enqueue(sample);
            // Within a window the view keeps what was counted at its beginning.
            _counted = isCounting ? sample : _counted;
            _seen(sample with { Effects = _counted?.Effects, Waiting = _counted?.Waiting, Outgoing = _counted?.Outgoing, Parked = _counted?.Parked }, isCounting || _database is null ? null : _counted?.At);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The clock and the clients first: an answer of the database tells of the moment at which it was asked.</summary>
    private async Task<Sample> LookAsync(bool isCounting, long? memory)
    {
        var sample = new Sample(_clock().TotalSeconds, _figures.Submitted, _figures.Accepted, _journal.Accepted, _figures.Replayed, null, null, null, null, memory);
        return !isCounting || await AskDatabaseAsync() is not { } counts
            ? sample
            : sample with { Effects = counts[1] - _effectsBefore, Waiting = Math.Max(0, counts[0] - counts[1] - counts[3]), Outgoing = counts[2], Parked = counts[3] };
    }

    private async Task<long[]?> AskDatabaseAsync()
    {
        if (_database is null)
        {
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(Patience);
        try
        {
            var counts = new long[4];
            await _database.ReadAsync(Counts, null, row =>
            {
                for (var i = 0; i < counts.Length; i++)
                {
                    counts[i] = Convert.ToInt64(row.GetValue(i), CultureInfo.InvariantCulture);
                }
            }, limit.Token);
            return counts;
        }
        catch (Exception exception) when (exception is DbException or TimeoutException || (exception is OperationCanceledException && !_stop.IsCancellationRequested))
        {
            // It is away, or frozen: one of the faults.
            return null;
        }
    }
}
