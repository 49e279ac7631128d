namespace Messaging.Cli;

/// <summary>The course of one storm: its clock, its log, and the phases it has gone through.</summary>
internal sealed class Course : IDisposable
{
    private readonly List<Phase> _phases = [];
    private long _start = TimeProvider.System.GetTimestamp();

    /// <param name="folder">Gets <c>chaos.log</c>.</param>
    /// <param name="view">Shows what is told.</param>
    public Course(string folder, IStormView view) => Log = new StormLog(Path.Combine(folder, "chaos.log"), view, () => Elapsed);

    public StormLog Log { get; }

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_start);

    public DateTimeOffset StartedAt { get; private set; } = TimeProvider.System.GetUtcNow();

    /// <summary>Those that are over.</summary>
    public IReadOnlyList<Phase> Phases => _phases;

    /// <summary>The name of the one that it is in.</summary>
    public string Current { get; private set; } = "start";

    /// <summary>Time counts from here: the target runs.</summary>
    public void Begin() => (_start, StartedAt) = (TimeProvider.System.GetTimestamp(), TimeProvider.System.GetUtcNow());

    public async Task<Phase> DuringAsync(string name, Func<Task> work)
    {
        Log.Tell(Current = name);
        var from = Elapsed.TotalSeconds;
        await work();
        var phase = new Phase(name, from, Elapsed.TotalSeconds);
        _phases.Add(phase);
        return phase;
    }

    public void Dispose() => Log.Dispose();
}
