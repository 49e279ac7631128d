using System.Collections.Concurrent;
using System.Data.Common;

namespace Messaging.Cli;

/// <summary>Carries out a plan. Faults of one victim, or of one command, wait for each other; all others overlap as they come.</summary>
internal sealed class Storm(ITarget target, LoadRun load, AuditDatabase? database, Func<TimeSpan> clock, Action<string> tell, CancellationToken quit)
{
    private static readonly TimeSpan Breath = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReplayLimit = TimeSpan.FromSeconds(120);

    private readonly ConcurrentDictionary<string, SemaphoreSlim> _gates = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, string> _current = new();
    private readonly ConcurrentQueue<InjectedFault> _injected = new();
    private readonly ConcurrentDictionary<string, string> _unhealed = new(StringComparer.Ordinal);
    private int _cutting;

    /// <summary>What has happened so far, in the order in which it was healed.</summary>
    public IReadOnlyCollection<InjectedFault> Injected => _injected;

    /// <summary>Heal commands that failed, and after which none with the same first word has worked, each with its reason.</summary>
    public IEnumerable<string> Unhealed => _unhealed.Values;

    /// <summary>What is going on now.</summary>
    public IEnumerable<string> Current => _current.Values;

    /// <returns>When every fault that began has been healed.</returns>
    public async Task RunAsync(StormPlan plan, CancellationToken stop)
    {
        var startedAt = clock();
        var running = new List<Task>();
        try
        {
            foreach (var fault in plan.Faults)
            {
                var pause = startedAt + fault.At - clock();
                if (pause > TimeSpan.Zero)
                {
                    await Task.Delay(pause, TimeProvider.System, stop);
                }

                stop.ThrowIfCancellationRequested();
                running.Add(InjectAsync(fault, stop));
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Interrupted: what has begun is healed, nothing new begins.
        }

        await Task.WhenAll(running);
    }

    private async Task InjectAsync(PlannedFault fault, CancellationToken stop)
    {
        var victims = target.Victims(fault.Kind.Role);
        var victim = victims.Count > 0 ? victims[fault.Victim % victims.Count] : null;
        var name = victim?.Name ?? (fault.Kind.Role == Role.None ? "" : "none");
        var gate = _gates.GetOrAdd(victim?.Name ?? fault.Kind.Gate, _ => new SemaphoreSlim(1, 1));
        await gate.WaitAsync(CancellationToken.None);
        if (stop.IsCancellationRequested)
        {
            gate.Release();
            return;
        }

        var id = Guid.CreateVersion7();
        var from = clock();
        var error = (string?)null;
        _current[id] = $"{fault.Kind.Name} {name}".TrimEnd();
        tell($"fault: {_current[id]}");
        try
        {
            await ActAsync(fault, victim, stop);
        }
        catch (Exception exception) when (exception is FaultException or DbException or TimeoutException or IOException or InvalidOperationException)
        {
            error = exception.Message;
            tell($"fault {_current[id]} FAILED: {error}");
        }
        finally
        {
            _injected.Enqueue(new InjectedFault(fault.Kind.Name, name, from.TotalSeconds, clock().TotalSeconds, error));
            _current.TryRemove(id, out _);
            // The next fault should hit something that is at work.
            await PauseAsync(Breath, stop);
            gate.Release();
        }
    }

    private async Task ActAsync(PlannedFault fault, IVictim? victim, CancellationToken stop)
    {
        switch (fault.Kind.Action)
        {
            case FaultAction.Kill:
                await Required(victim).KillAsync();
                await PauseAsync(fault.Hold, stop);
                await Required(victim).StartAsync();
                break;
            case FaultAction.Terminate:
                await Required(victim).TerminateAsync();
                await PauseAsync(fault.Hold, stop);
                await Required(victim).StartAsync();
                break;
            case FaultAction.Stop:
                await Required(victim).FreezeAsync();
                await PauseAsync(fault.Hold, stop);
                await Required(victim).ThawAsync();
                break;
            case FaultAction.AbortRequests:
                load.CutRequests = Interlocked.Increment(ref _cutting) > 0;
                await PauseAsync(fault.Hold, stop);
                load.CutRequests = Interlocked.Decrement(ref _cutting) > 0;
                break;
            case FaultAction.Replay:
                await ReplayAsync(stop);
                break;
            default:
                try
                {
                    await ShellCommand.RunAsync(fault.Kind.Inject!, quit);
                    await PauseAsync(fault.Hold, stop);
                }
                finally
                {
                    // Also after an injection that failed: it may have broken something first.
                    await HealAsync(fault.Kind);
                }

                break;
        }
    }

    /// <summary>The database may be away at this moment: then it is tried again.</summary>
    private async Task ReplayAsync(CancellationToken stop)
    {
        var from = clock();
        while (true)
        {
            try
            {
                var count = await (database ?? throw new FaultException("replay needs the database: --postgres, or --database and --connection.")).ReplayAsync(quit);
                tell($"replay: {count} messages go out again");
                return;
            }
            catch (DbException) when (clock() - from < ReplayLimit && !stop.IsCancellationRequested)
            {
                await PauseAsync(TimeSpan.FromSeconds(1), stop);
            }
        }
    }

    private async Task HealAsync(FaultKind kind)
    {
        if (kind.Heal is not { } heal)
        {
            return;
        }

        try
        {
            // Also when the user has lost patience: what was broken must not stay broken.
            await ShellCommand.RunAsync(heal, CancellationToken.None);
            _unhealed.TryRemove(kind.Gate, out _);
        }
        catch (FaultException failure)
        {
            _unhealed[kind.Gate] = $"{kind.Name} was not healed: {failure.Message}";
            tell(_unhealed[kind.Gate]);
        }
    }

    private static IVictim Required(IVictim? victim) => victim ?? throw new FaultException("this target has no such process to harm; leave the fault out of --faults.");

    /// <summary>Cut short by an interruption: healing begins at once.</summary>
    private static async Task PauseAsync(TimeSpan pause, CancellationToken stop) =>
        await Task.Delay(pause, TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
