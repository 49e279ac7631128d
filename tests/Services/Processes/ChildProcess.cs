using System.Diagnostics;

namespace Messaging.Services;

/// <summary>A real process, its last output, and the signals to send it. Gone when disposed, and when the test process dies.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Linux shares the processor out by session first: those that <c>messaging chaos</c> starts have one each, and would leave next to nothing
    /// to all the others together.
    /// </summary>
    private static readonly string? OwnSession = OperatingSystem.IsLinux() ? Executable.Find("setsid") : null;

    private readonly Process _process;
    private readonly TaskCompletionSource<int> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.Exited += (_, _) => _exit.TrySetResult(_process.ExitCode);
        _process.Start();
        Id = _process.Id;
        Reaper.WatchProcess(Id);
        _process.StandardInput.Close();

        // Not awaited before "exited": a grandchild that inherited the pipe may hold it open.
        _ = Output.ReadFromAsync(_process.StandardOutput);
        _ = Output.ReadFromAsync(_process.StandardError);
    }

    public int Id { get; }

    public OutputTail Output { get; } = new();

    public bool HasExited => _exit.Task.IsCompleted;

    /// <param name="environment">Added to our own environment; a null value removes a variable.</param>
    public static ChildProcess Start(
        string fileName, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? workingDirectory = null)
    {
        string[] command = OwnSession is null ? [fileName] : [OwnSession, fileName];
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? string.Empty,
        };
        foreach (var argument in command[1..].Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        return new ChildProcess(start);
    }

    /// <summary>False when it has exited already.</summary>
    public bool Send(Signal signal) => !HasExited && Signals.Send(Id, signal);

    public async Task<int> WaitForExitAsync(TimeSpan limit)
    {
        try
        {
            var code = await _exit.Task.WaitAsync(limit, TimeProvider.System);
            Reaper.ForgetProcess(Id);
            return code;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"{_process.StartInfo.FileName} (process {Id}) was still running after {limit.TotalSeconds:0.#} s. It printed:\n{Output}");
        }
    }

    /// <summary>SIGKILL for it and everything below it, and waits until all of it is gone.</summary>
    public async Task KillTreeAsync()
    {
        if (HasExited)
        {
            return;
        }

        var tree = Signals.Tree(Id);
        foreach (var member in tree)
        {
            Signals.Send(member, Signal.Kill);
        }

        await WaitForExitAsync(KillLimit);
        await Signals.WaitUntilGoneAsync(tree, KillLimit);
    }

    public async ValueTask DisposeAsync()
    {
        await KillTreeAsync();
        _process.Dispose();
    }
}
