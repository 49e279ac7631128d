namespace Messaging.Cli;

/// <summary>One container. docker kill marks it as stopped by hand: its restart policy leaves it to us.</summary>
internal sealed class ComposeContainer(string name, string id, string docker) : IVictim
{
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    public string Name => name;

    public Task KillAsync() => DockerAsync("kill");

    public Task TerminateAsync() => DockerAsync("stop");

    public Task FreezeAsync() => DockerAsync("pause");

    public Task ThawAsync() => DockerAsync("unpause");

    /// <summary>Docker says when it runs; whether it answers is known where it has a health check.</summary>
    public async Task StartAsync()
    {
        await DockerAsync("start");
        await WaitUntilHealthyAsync();
    }

    public async Task<bool> RunsAsync(CancellationToken cancellationToken) => await StatusAsync(cancellationToken) is "running" or "paused";

    public async Task HealAsync()
    {
        await (await StatusAsync(CancellationToken.None) switch
        {
            "paused" => ThawAsync(),
            "running" => Task.CompletedTask,
            _ => DockerAsync("start"),
        });
        await WaitUntilHealthyAsync();
    }

    private async Task WaitUntilHealthyAsync()
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (await InspectAsync("{{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}", CancellationToken.None) is var health && health != "healthy")
        {
            if (TimeProvider.System.GetElapsedTime(startedAt) > HealthLimit)
            {
                throw new FaultException($"{name} runs, and its health check still says '{health}' after {Quantity.Text(HealthLimit)}. See docker logs {id[..12]}.");
            }

            await Task.Delay(Interval, TimeProvider.System);
        }
    }

    private Task<string> StatusAsync(CancellationToken cancellationToken) => InspectAsync("{{.State.Status}}", cancellationToken);

    private async Task<string> InspectAsync(string format, CancellationToken cancellationToken) =>
        (await ShellCommand.RunAsync(docker, ["inspect", "--format", format, id], null, cancellationToken)).Trim();

    private Task<string> DockerAsync(string verb) => ShellCommand.RunAsync(docker, [verb, id], null, CancellationToken.None);
}
