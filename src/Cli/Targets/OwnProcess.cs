using System.Collections.Concurrent;
using System.Diagnostics;

namespace Messaging.Cli;

/// <summary>
/// One of our services as a process of its own, on a port that it keeps. What it prints goes to a file. It runs in a session of its
/// own, so that Ctrl-C on the terminal reaches us and not it.
/// </summary>
internal sealed class OwnProcess(string name, string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, Uri address, string logFile)
    : IVictim, IAsyncDisposable
{
    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<UnexpectedExit> _unexpected = new();
    private readonly ServiceHealth _health = new(name, address, logFile);
    private Process? _process;
    private bool _seen;
    private StreamWriter? _log;

    public string Name => name;

    public Uri Address => address;

    /// <summary>How often it ended and should not have.</summary>
    public IReadOnlyCollection<UnexpectedExit> UnexpectedExits => _unexpected;

    /// <summary>Null while it does not run.</summary>
    public long? ResidentBytes
    {
        get
        {
            try
            {
                using var now = _process is { HasExited: false } running ? Process.GetProcessById(running.Id) : null;
                return now?.WorkingSet64;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                // It ended a moment ago.
                return null;
            }
        }
    }

    public async Task StartAsync()
    {
        if (_process is null or { HasExited: true })
        {
            LookForDeath();
            Launch();
        }

        await _health.WaitAsync("health/live", ExitCode);
    }

    public Task WaitUntilReadyAsync() => _health.WaitAsync("health/ready", ExitCode);

    /// <exception cref="FaultException">It was dead before it could be killed; it is started again.</exception>
    public async Task KillAsync()
    {
        await MustLiveAsync();
        Send(Signals.Kill);
        await WaitForExitAsync();
        _seen = true;
    }

    /// <exception cref="FaultException">As of <see cref="KillAsync"/>.</exception>
    public async Task TerminateAsync()
    {
        await MustLiveAsync();
        await EndAsync();
    }

    /// <summary>SIGTERM for what runs; a death that nobody has noticed is noticed now.</summary>
    public async Task EndAsync()
    {
        if (LookForDeath())
        {
            return;
        }

        Send(Signals.Terminate);
        await WaitForExitAsync();
        Judge(_process, afterTerminate: true);
    }

    /// <exception cref="FaultException">As of <see cref="KillAsync"/>.</exception>
    public async Task FreezeAsync()
    {
        await MustLiveAsync();
        Send(Signals.Stop);
    }

    public Task ThawAsync()
    {
        Send(Signals.Continue);
        return Task.CompletedTask;
    }

    /// <summary>Thaws, and starts it if it is dead.</summary>
    public async Task HealAsync()
    {
        Send(Signals.Continue);
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _seen = true;
        Send(Signals.Kill);
        await WaitForExitAsync();
        _health.Dispose();
        if (_log is not null)
        {
            await _log.DisposeAsync();
        }
    }

    /// <summary>A dead process cannot be killed, and that it is dead was no fault of ours: it does not count as a fault that was done.</summary>
    private async Task MustLiveAsync()
    {
        if (LookForDeath())
        {
            await StartAsync();
            throw new FaultException($"{name} was dead already, by itself; it was started again. See {logFile}.");
        }
    }

    /// <returns>Whether it is dead.</returns>
    private bool LookForDeath()
    {
        if (_process is not { HasExited: true } dead)
        {
            return false;
        }

        Judge(dead, afterTerminate: false);
        return true;
    }

    /// <summary>Each exit is judged once.</summary>
    private void Judge(Process? ended, bool afterTerminate)
    {
        if (ended is not null && !_seen && !(afterTerminate && ended.ExitCode == 0))
        {
            _unexpected.Enqueue(new UnexpectedExit(name, ended.ExitTime.ToUniversalTime(), ended.ExitCode, afterTerminate));
        }

        _seen = true;
    }

    private void Launch()
    {
        _seen = false;
        _process?.Dispose();
        _log ??= new StreamWriter(logFile, append: true) { AutoFlush = true };
        var start = OwnSession.Of("dotnet", [program, .. arguments]);
        start.WorkingDirectory = Path.GetDirectoryName(logFile);
        foreach (var (variable, value) in environment)
        {
            start.Environment[variable] = value;
        }

        start.Environment["ASPNETCORE_URLS"] = address.GetLeftPart(UriPartial.Authority);
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    private void Log(string? line)
    {
        if (line is not null && _log is { } log)
        {
            lock (log)
            {
                log.WriteLine(line);
            }
        }
    }

    /// <summary>Null while it runs.</summary>
    private int? ExitCode() => _process is { HasExited: true, ExitCode: var code } ? code : null;

    private void Send(int signal)
    {
        if (_process is { HasExited: false })
        {
            Signals.Send(_process.Id, signal);
        }
    }

    private async Task WaitForExitAsync()
    {
        if (_process is { } process)
        {
            using var limit = new CancellationTokenSource(ExitLimit, TimeProvider.System);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                throw new FaultException($"{name} (process {process.Id}) was still running {Quantity.Text(ExitLimit)} after it was told to end.");
            }
        }
    }
}
