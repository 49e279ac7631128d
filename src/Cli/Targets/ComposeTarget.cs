namespace Messaging.Cli;

/// <summary>The running containers of a compose project: killed, paused, stopped and started one by one.</summary>
internal sealed class ComposeTarget(ChaosSettings settings, string docker = "docker") : ITarget
{
    private readonly Dictionary<Role, List<ComposeContainer>> _containers = [];

    public string Description => $"compose project of {settings.ComposeFile!.Name}";

    public IReadOnlyList<Uri> Urls => settings.Urls;

    public long? LargestResidentBytes => null;

    public IReadOnlyList<UnexpectedExit> UnexpectedExits => [];

    public IReadOnlyList<IVictim> Victims(Role role) => _containers.GetValueOrDefault(role) ?? [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _containers[Role.Publisher] = await FindAsync(settings.PublisherServices, "--publisher-services", cancellationToken);
        _containers[Role.Consumer] = await FindAsync(settings.ConsumerServices, "--consumer-services", cancellationToken);
    }

    public Task HealAsync() => Task.WhenAll(_containers.Values.SelectMany(c => c).Distinct().Select(c => c.HealAsync()));

    public Task<bool> StopAsync() => Task.FromResult(false);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Every service that was named must run: a storm that spares one in silence proves less than it says.</summary>
    private async Task<List<ComposeContainer>> FindAsync(IReadOnlyList<string> services, string option, CancellationToken cancellationToken)
    {
        var containers = new List<ComposeContainer>();
        foreach (var service in services)
        {
            string[] compose = settings.ComposeCommand.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var ids = await ShellCommand.RunAsync(compose[0], [.. compose[1..], "-f", settings.ComposeFile!.FullName, "ps", "-q", service], null, cancellationToken);
            var found = ids.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            var ofService = found.Select((id, i) => new ComposeContainer(found.Length == 1 ? service : $"{service}-{i + 1}", id, docker)).ToList();
            // docker-compose 1.29 lists also those that have ended.
            if (found.Length == 0 || !(await Task.WhenAll(ofService.Select(c => c.RunsAsync(cancellationToken)))).All(runs => runs))
            {
                throw new FaultException($"{service} does not run. Start the project first (docker compose up --build --detach), or name other services with {option}.");
            }

            containers.AddRange(ofService);
        }

        return containers;
    }
}
