namespace Messaging.Cli;

/// <summary>One container. docker kill marks it as stopped by hand: its restart policy leaves it to us.</summary>
internal sealed class ComposeContainer(string name, string id, string docker) : IVictim
{
    private const string Healthy = "healthy";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan HealLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    public string Name => name;

    public Task KillAsync() => DockerAsync("kill");

    public Task TerminateAsync() => DockerAsync("stop");

    public Task FreezeAsync() => DockerAsync("pause");

    public Task ThawAsync() => DockerAsync("unpause");

    /// <summary>
    /// Docker says when it runs; that it is at work, its health check says, where it has one. Not waited for without end: while a server
    /// that it needs is away, which is a fault like this one, it cannot say so.
    /// </summary>
    public async Task StartAsync()
    {
        await DockerAsync("start");
        await HealthWithinAsync(StartLimit);
    }

    public async Task<bool> RunsAsync(CancellationToken cancellationToken) => await StatusAsync(cancellationToken) == "running";

    public async Task HealAsync()
    {
        await (await StatusAsync(CancellationToken.None) switch
        {
            "paused" => ThawAsync(),
            "running" => Task.CompletedTask,
            _ => DockerAsync("start"),
        });
        if (await HealthWithinAsync(HealLimit) is var health && health != Healthy)
        {
            throw new FaultException($"{name} runs, and its health check still says '{health}' after {Quantity.Text(HealLimit)}. See docker logs {id}.");
        }
    }

    /// <returns>What the health check said last.</returns>
    private async Task<string> HealthWithinAsync(TimeSpan limit)
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var health = await InspectAsync("{{if .State.Health}}{{.State.Health.Status}}{{else}}" + Healthy + "{{end}}", CancellationToken.None);
            if (health == Healthy || TimeProvider.System.GetElapsedTime(startedAt) > limit)
            {
                return health;
            }

            await Task.Delay(Interval, TimeProvider.System);
        }
    }

    private Task<string> StatusAsync(CancellationToken cancellationToken) => InspectAsync("{{.State.Status}}", cancellationToken);

    private async Task<string> InspectAsync(string format, CancellationToken cancellationToken) =>
        (await ShellCommand.RunAsync(docker, ["inspect", "--format", format, id], null, cancellationToken)).Trim();

    private Task<string> DockerAsync(string verb) => ShellCommand.RunAsync(docker, [verb, id], null, CancellationToken.None);
}
