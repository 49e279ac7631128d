using Docker.DotNet.Models;

namespace Messaging.Services;

/// <summary>
/// A network between containers, beside the one on which they publish their ports: who is cut off from it still answers us, but no longer
/// its neighbours.
/// </summary>
internal sealed class ContainerNetwork : IAsyncDisposable
{
    private readonly string _id;

    private ContainerNetwork(string id) => _id = id;

    public static async Task<ContainerNetwork> CreateAsync()
    {
        var created = await DockerEngine.Client.Networks.CreateNetworkAsync(new NetworksCreateParameters
        {
            Name = $"messaging-{TestRun.Id}-{Guid.CreateVersion7():N}",
            // Docker publishes ports on a network with a way out only, so that they stay where they are when this one goes.
            Internal = true,
            Labels = new Dictionary<string, string> { [TestRun.Label] = TestRun.Id },
        });
        Reaper.WatchNetwork(created.ID);
        return new ContainerNetwork(created.ID);
    }

    public Task JoinAsync(string container, string name) => DockerEngine.Client.Networks.ConnectNetworkAsync(_id, new NetworkConnectParameters
    {
        Container = container,
        EndpointConfig = new EndpointSettings { Aliases = [name] },
    });

    /// <summary>As pulling the cable: open connections are not closed, they fall silent.</summary>
    public Task CutAsync(string container)
        => DockerEngine.Client.Networks.DisconnectNetworkAsync(_id, new NetworkDisconnectParameters { Container = container, Force = true });

    public async ValueTask DisposeAsync()
    {
        await DockerEngine.Client.Networks.DeleteNetworkAsync(_id);
        Reaper.ForgetNetwork(_id);
    }
}
