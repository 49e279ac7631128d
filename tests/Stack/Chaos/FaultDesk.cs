using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// Lets the shell commands of a storm reach the servers of this test: a command leaves a file and waits until it is gone; the desk finds
/// it, does what it asks for, and takes it away.
/// </summary>
internal sealed class FaultDesk : IAsyncDisposable
{
    private readonly Dictionary<string, Func<Task>> _services = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("messaging-faults-").FullName;
    private Task _work = Task.CompletedTask;

    /// <summary>The shell command that has <paramref name="service"/> done, and fails when it failed.</summary>
    public string Command(string name, Func<Task> service)
    {
        _services.Add(name, service);
        var (request, failure) = (Path.Combine(_folder, name), Path.Combine(_folder, name + ".failed"));
        return $"touch '{request}'; while [ -e '{request}' ]; do sleep 0.2; done; if [ -e '{failure}' ]; then cat '{failure}'; exit 1; fi";
    }

    public void Open() => _work = Task.WhenAll(_services.Select(service => Task.Run(() => ServeAsync(service.Key, service.Value))));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ServeAsync(string name, Func<Task> service)
    {
        var request = Path.Combine(_folder, name);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!_stop.IsCancellationRequested)
        {
            if (File.Exists(request))
            {
                await ServeOnceAsync(service, request);
            }

            try
            {
                await timer.WaitForNextTickAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>A failure goes to the command, which fails with it; the storm then tells.</summary>
    private static async Task ServeOnceAsync(Func<Task> service, string request)
    {
        try
        {
            File.Delete(request + ".failed");
            await service();
        }
        catch (Exception exception)
        {
            await File.WriteAllTextAsync(request + ".failed", exception.Message);
        }

        File.Delete(request);
    }
}
