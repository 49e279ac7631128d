namespace Messaging.Cli;

/// <summary>Some clients at work at once, each with one submission in hand, taking the next from one schedule at one pace.</summary>
internal sealed class LoadRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly LoadSettings _settings;
    private readonly Schedule _schedule;
    private readonly Pace _pace;
    private readonly Submitter _submitter;
    private readonly TimeProvider _time;
    private readonly long _startedAt;

    public LoadRun(LoadSettings settings, Journal journal, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        _schedule = new Schedule(settings.Seed, settings.Duplicates, settings.Conflicts, settings.Keys);
        _pace = new Pace(settings.RatePerSecond, time);
        _submitter = new Submitter(settings, journal, Figures, time);
        _startedAt = time.GetTimestamp();
        Completion = Task.WhenAll(Enumerable.Range(0, settings.Concurrency).Select(_ => Task.Run(WorkAsync)));
    }

    public LoadFigures Figures { get; } = new();

    /// <summary>Ends when all keys have been sent, or after <see cref="StopAsync"/>.</summary>
    public Task Completion { get; }

    public TimeSpan Elapsed => _time.GetElapsedTime(_startedAt);

    public bool CutRequests
    {
        get => _submitter.CutRequests;
        set => _submitter.CutRequests = value;
    }

    public LoadSettings Settings => _settings;

    /// <summary>Starts paced.</summary>
    public void Go(Tempo tempo) => _pace.Change(tempo);

    /// <summary>Begins nothing new. Submissions in hand have so long to be answered; then they are given up, and their keys stay unknown.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        await _stop.CancelAsync();
        _abandon.CancelAfter(patience);
        await Completion;
    }

    /// <summary>Begins nothing new and gives up what is in hand.</summary>
    public void Abandon()
    {
        _stop.Cancel();
        _abandon.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        _submitter.Dispose();
        _stop.Dispose();
        _abandon.Dispose();
    }

    private async Task WorkAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                var due = await _pace.NextAsync(_stop.Token);
                if (_schedule.Next() is not { } request)
                {
                    return;
                }

                await _submitter.SubmitAsync(request, due, _abandon.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped while waiting for its turn, or given up: what it had in hand is in the journal as attempted.
        }
    }
}
