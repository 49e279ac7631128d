using Docker.DotNet.Models;
using DotNet.Testcontainers.Containers;

namespace Messaging.Services;

/// <summary>A server in a container that Testcontainers makes and removes. Starts after the first go past its wait strategies.</summary>
internal sealed class ContainerServer(IContainer container, int port) : IServer
{
    private bool _created;

    public string Id => container.Id;

    public string Host => container.Hostname == "localhost" ? "127.0.0.1" : container.Hostname;

    public int Port => port;

    public string Origin => $"container of {container.Image.FullName}";

    public async Task StartAsync()
    {
        if (_created)
        {
            await DockerEngine.Client.Containers.StartContainerAsync(container.Id, new ContainerStartParameters());
            return;
        }

        await container.StartAsync();
        _created = true;
        Reaper.WatchContainer(container.Id);
    }

    public Task StopAsync() => container.StopAsync();

    public Task KillAsync()
        => DockerEngine.Client.Containers.KillContainerAsync(container.Id, new ContainerKillParameters { Signal = "SIGKILL" });

    public Task PauseAsync() => container.PauseAsync();

    public Task ResumeAsync() => container.UnpauseAsync();

    public async Task<string> RunAsync(params string[] command)
    {
        var result = await container.ExecAsync(command);
        return result.ExitCode == 0
            ? result.Stdout
            : throw new InvalidOperationException($"{string.Join(' ', command)} exited with {result.ExitCode}:\n{result.Stdout}{result.Stderr}");
    }

    public async Task<string> LogAsync()
    {
        var (output, errors) = await container.GetLogsAsync();
        return output + errors;
    }

    public async ValueTask DisposeAsync()
    {
        var id = _created ? container.Id : null;
        await container.DisposeAsync();
        if (id is not null)
        {
            Reaper.ForgetContainer(id);
        }
    }
}
