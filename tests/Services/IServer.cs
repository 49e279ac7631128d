namespace Messaging.Services;

/// <summary>
/// A server that we started and may therefore harm: in a container, or as a local process.
/// Its data and its port outlive every stop and kill.
/// </summary>
internal interface IServer : IAsyncDisposable
{
    string Host { get; }

    int Port { get; }

    /// <summary>Where it came from, for a test's output.</summary>
    string Origin { get; }

    /// <summary>Starts the process; says nothing of readiness, which only the server's own protocol can tell.</summary>
    Task StartAsync();

    /// <summary>The polite stop: the server may finish and flush.</summary>
    Task StopAsync();

    /// <summary>SIGKILL.</summary>
    Task KillAsync();

    /// <summary>Frozen with its sockets open, as a host that swaps or a network that swallows packets looks from outside.</summary>
    Task PauseAsync();

    Task ResumeAsync();

    /// <summary>Runs a command where the server's own tools are, and returns its standard output.</summary>
    Task<string> RunAsync(params string[] command);

    /// <summary>The last lines it logged.</summary>
    Task<string> LogAsync();
}
