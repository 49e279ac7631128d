using Messaging.Services;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

namespace Messaging.Stack;

/// <summary>
/// The real service in the test's own process, on a port it keeps. Whenever it stops, by a fault or because it was told to, it is
/// started again, as a service manager does.
/// </summary>
internal sealed class HostedService : IAsyncDisposable
{
    private readonly Func<string, WebApplication> _build;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CrashPath? _armed;
    private Task _running = Task.CompletedTask;
    private volatile IHostApplicationLifetime? _lifetime;
    private volatile IServiceProvider? _services;
    private volatile bool _ends;

    /// <summary>Or every start would watch the whole tree below the working folder for changes of a settings file.</summary>
    static HostedService() => Environment.SetEnvironmentVariable("DOTNET_hostBuilder__reloadConfigOnChange", "false");

    /// <param name="build">Makes the service for an address.</param>
    public HostedService(Func<string, WebApplication> build)
    {
        _build = build;
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{FreePort.Next()}/") };
    }

    public HttpClient Http { get; }

    /// <summary>Of its present life.</summary>
    public IServiceProvider Services => _services!;

    public static async Task<HostedService> StartAsync(Func<string, WebApplication> build)
    {
        var service = new HostedService(build);
        await service.StartAsync();
        return service;
    }

    /// <summary>Returns once it has started, also when it was struck at once and had to start again.</summary>
    /// <param name="armed">Where it is struck.</param>
    public async Task StartAsync(CrashPath? armed = null)
    {
        _armed = armed;
        _running = Task.Run(() =>
        {
            if (armed is not null)
            {
                CrashPoint.Arm(armed);
            }

            return RunAsync();
        });
        await await Task.WhenAny(_started.Task, _running);
    }

    /// <summary>Until then it answers 503 at once: rounds of requests would pass it by.</summary>
    public Task WaitUntilReadyAsync() => Eventually.True(IsReadyAsync, TimeSpan.FromMinutes(2), "the service to be ready");

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri("health/ready", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>As SIGTERM does.</summary>
    public void TellToStop() => _lifetime?.StopApplication();

    public async ValueTask DisposeAsync()
    {
        _ends = true;
        TellToStop();
        await _running;
        Http.Dispose();
    }

    /// <summary>Each life of the service in a flow of its own: what one has left in it (MassTransit its log, disposed by then) is not the next one's.</summary>
    private async Task RunAsync()
    {
        while (!_ends)
        {
            await Task.Run(LiveAsync);
        }
    }

    private async Task LiveAsync()
    {
        await using var app = _build(Http.BaseAddress!.ToString());
        (_lifetime, _services) = (app.Lifetime, app.Services);
        ArmRequests(app);
        try
        {
            await app.StartAsync();
            _started.TrySetResult();
            if (_ends)
            {
                TellToStop();
            }

            await app.WaitForShutdownAsync();
        }
        catch (Exception exception) when (exception is OperationCanceledException || IsStrike(exception))
        {
            // Struck while it started or stopped: it starts again.
        }
    }

    /// <summary>The server begins every request in a flow of its own.</summary>
    private void ArmRequests(WebApplication app)
    {
        if (_armed is not null)
        {
            app.Use(async (http, next) =>
            {
                CrashPoint.Arm(_armed);
                await next(http);
            });
        }
    }

    private static bool IsStrike(Exception exception) => exception switch
    {
        StrikeException => true,
        AggregateException all => all.InnerExceptions.Any(IsStrike),
        _ => exception.InnerException is { } inner && IsStrike(inner),
    };
}

/// <summary>What an armed point throws: an error that nobody has thought of.</summary>
internal sealed class StrikeException(CrashCell cell) : Exception($"struck at {cell}");
