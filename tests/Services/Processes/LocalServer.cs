namespace Messaging.Services;

/// <summary>A server started from a binary on this machine, on a port of its own, its data in a folder of its own.</summary>
internal sealed class LocalServer(string origin, int port, Func<ChildProcess> start, Signal politeStop, Func<string[], Task<string>> run) : IServer
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private ChildProcess? _process;

    public string Host => "127.0.0.1";

    public int Port => port;

    public string Origin => origin;

    private ChildProcess Running => _process ?? throw new InvalidOperationException($"{origin} has not been started.");

    public Task StartAsync()
    {
        _process = start();
        return Task.CompletedTask;
    }

    public async Task StopAsync()
    {
        var process = Running;
        process.Send(politeStop);
        await process.WaitForExitAsync(StopLimit);
        await process.DisposeAsync();
    }

    public Task KillAsync() => Running.KillTreeAsync();

    public Task PauseAsync()
    {
        Signals.SendToTree(Running.Id, Signal.Stop);
        return Task.CompletedTask;
    }

    public Task ResumeAsync()
    {
        Signals.SendToTree(Running.Id, Signal.Continue);
        return Task.CompletedTask;
    }

    public Task<string> RunAsync(params string[] command) => run(command);

    public Task<string> LogAsync() => Task.FromResult(_process?.Output.ToString() ?? string.Empty);

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }
}
