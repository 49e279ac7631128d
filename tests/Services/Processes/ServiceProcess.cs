using System.Net;

namespace Messaging.Services;

/// <summary>
/// One of our services as its users run it: a process of its own, configured by environment variables, on a port it keeps over restarts.
/// </summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    public static readonly TimeSpan ReadyLimit = TimeSpan.FromMinutes(2);

    private readonly ServiceOptions _options;
    private ChildProcess _process;

    private ServiceProcess(ServiceOptions options, Uri address)
    {
        _options = options;
        Http = new HttpClient { BaseAddress = address };
        _process = Launch();
    }

    /// <summary>A client whose base address is the service's own.</summary>
    public HttpClient Http { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What the present process printed; a restart begins anew.</summary>
    public OutputTail Output => _process.Output;

    /// <summary>Starts it and returns at once: a test may want to see it fail.</summary>
    public static ServiceProcess Start(ServiceOptions options) => new(options, new Uri($"http://127.0.0.1:{FreePort.Next()}/"));

    public static async Task<ServiceProcess> StartReadyAsync(ServiceOptions options)
    {
        var service = Start(options);
        try
        {
            await service.WaitUntilReadyAsync();
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command of the service that ends by itself, such as <c>migrate</c>, and returns its exit code and output.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(ServiceOptions options, TimeSpan? limit = null)
    {
        await using var service = Start(options);
        var code = await service.WaitForExitAsync(limit ?? ReadyLimit);
        await Eventually.True(() => service.Output.HasEnded);
        return (code, service.Output.ToString());
    }

    public async Task WaitUntilReadyAsync(string path = "health/ready", TimeSpan? limit = null)
    {
        try
        {
            await Eventually.Satisfies(
                () => StatusOf(path), status => HasExited || status == HttpStatusCode.OK, limit ?? ReadyLimit, $"{_options.Project} to answer 200 at {path}");
        }
        catch (Xunit.Sdk.FailException exception)
        {
            throw new TimeoutException($"{exception.Message}\nIt printed:\n{Output}", exception);
        }

        if (HasExited)
        {
            var code = await _process.WaitForExitAsync(ReadyLimit);
            throw new InvalidOperationException($"{_options.Project} exited with {code} before it was ready. It printed:\n{Output}");
        }
    }

    public bool Send(Signal signal) => _process.Send(signal);

    public Task<int> WaitForExitAsync(TimeSpan limit) => _process.WaitForExitAsync(limit);

    /// <summary>SIGTERM, and waits until it has drained.</summary>
    public Task<int> TerminateAsync(TimeSpan? limit = null)
    {
        Send(Signal.Terminate);
        return WaitForExitAsync(limit ?? ReadyLimit);
    }

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => _process.KillTreeAsync();

    /// <summary>Starts it again, on the same port, with the same settings, after a stop or a kill. Does not wait until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        await _process.DisposeAsync();
        _process = Launch();
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Http.Dispose();
    }

    private ChildProcess Launch()
    {
        var assembly = Repository.AssemblyOf(_options.Project);
        var environment = new Dictionary<string, string?>(_options.Environment) { ["ASPNETCORE_URLS"] = Http.BaseAddress!.ToString() };
        return ChildProcess.Start("dotnet", [assembly, .. _options.Arguments], environment, Path.GetDirectoryName(assembly));
    }

    private async Task<HttpStatusCode> StatusOf(string path)
    {
        if (HasExited)
        {
            return HttpStatusCode.ServiceUnavailable;
        }

        using var answer = await Http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
