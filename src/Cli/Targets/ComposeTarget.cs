namespace Messaging.Cli;

/// <summary>The running containers of a compose project: killed, paused, stopped and started one by one.</summary>
internal sealed class ComposeTarget(ChaosSettings settings) : ITarget
{
    private readonly Dictionary<Role, List<Container>> _containers = [];

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

    private async Task<List<Container>> FindAsync(IReadOnlyList<string> services, string option, CancellationToken cancellationToken)
    {
        var containers = new List<Container>();
        foreach (var service in services)
        {
            string[] compose = settings.ComposeCommand.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var ids = await ShellCommand.RunAsync(compose[0], [.. compose[1..], "-f", settings.ComposeFile!.FullName, "ps", "-q", service], null, cancellationToken);
            var found = ids.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            containers.AddRange(found.Select((id, i) => new Container(found.Length == 1 ? service : $"{service}-{i + 1}", id)));
        }

        return containers.Count > 0 ? containers : throw new FaultException(
            $"No container of {string.Join(", ", services)} runs. Start the project first (docker compose up --build --detach), or name the services with {option}.");
    }

    /// <summary>docker kill marks a container as stopped by hand: its restart policy leaves it to us.</summary>
    private sealed class Container(string name, string id) : IVictim
    {
        public string Name => name;

        public Task KillAsync() => DockerAsync("kill");

        public Task TerminateAsync() => DockerAsync("stop");

        public Task FreezeAsync() => DockerAsync("pause");

        public Task ThawAsync() => DockerAsync("unpause");

        public Task StartAsync() => DockerAsync("start");

        public async Task HealAsync()
        {
            var state = await ShellCommand.RunAsync("docker", ["inspect", "--format", "{{.State.Status}}", id], null, CancellationToken.None);
            await (state.Trim() switch
            {
                "paused" => ThawAsync(),
                "running" => Task.CompletedTask,
                _ => StartAsync(),
            });
        }

        private Task<string> DockerAsync(string verb) => ShellCommand.RunAsync("docker", [verb, id], null, CancellationToken.None);
    }
}
