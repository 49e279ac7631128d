namespace Messaging.Services;

/// <summary>The nodes of a cluster, seen as one server: started and joined, stopped and asked together.</summary>
internal sealed class ClusterServer(IEnumerable<(string Host, ContainerServer Container)> hosts, ContainerNetwork network) : IServer
{
    private readonly Dictionary<string, ContainerServer> _nodes = hosts.ToDictionary(node => NodeAt(node.Host), node => node.Container);
    private readonly HashSet<string> _away = [];
    private bool _joined;

    public string Host => _nodes.Values.First().Host;

    public int Port => _nodes.Values.First().Port;

    public string Origin => $"{_nodes.Count} of {_nodes.Values.First().Origin}";

    public IEnumerable<string> Addresses => _nodes.Values.Select(node => $"{node.Host}:{node.Port}");

    public static string NodeAt(string host) => "rabbit@" + host;

    public async Task StartAsync()
    {
        await Task.WhenAll(_nodes.Values.Select(node => node.StartAsync()));
        if (!_joined)
        {
            await JoinAsync();
            _joined = true;
        }
    }

    public Task StartAsync(string node)
    {
        _away.Remove(node);
        return _nodes[node].StartAsync();
    }

    public Task StopAsync() => Task.WhenAll(_nodes.Values.Select(node => node.StopAsync()));

    public Task KillAsync() => Task.WhenAll(_nodes.Values.Select(node => node.KillAsync()));

    public Task KillAsync(string node)
    {
        _away.Add(node);
        return _nodes[node].KillAsync();
    }

    public Task CutOffAsync(string node)
    {
        _away.Add(node);
        return network.CutAsync(_nodes[node].Id);
    }

    public Task RejoinAsync(string node)
    {
        _away.Remove(node);
        return network.JoinAsync(_nodes[node].Id, HostOf(node));
    }

    public Task PauseAsync() => Task.WhenAll(_nodes.Values.Select(node => node.PauseAsync()));

    public Task ResumeAsync() => Task.WhenAll(_nodes.Values.Select(node => node.ResumeAsync()));

    /// <summary>On the first node that is neither dead nor cut off.</summary>
    public Task<string> RunAsync(params string[] command) => _nodes.First(node => !_away.Contains(node.Key)).Value.RunAsync(command);

    public Task RunEverywhereAsync(params string[] command) => Task.WhenAll(_nodes.Values.Select(node => node.RunAsync(command)));

    public async Task<string> LogAsync() => string.Join('\n', await Task.WhenAll(_nodes.Values.Select(node => node.LogAsync())));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Values.Select(node => node.DisposeAsync().AsTask()));
        await network.DisposeAsync();
    }

    private async Task JoinAsync()
    {
        foreach (var (node, container) in _nodes)
        {
            await network.JoinAsync(container.Id, HostOf(node));
        }

        var (first, others) = (_nodes.Keys.First(), _nodes.Values.Skip(1).ToList());
        await Task.WhenAll(others.Select(node => node.RunAsync("rabbitmqctl", "-q", "stop_app")));
        // One after the other, as RabbitMQ asks for.
        foreach (var node in others)
        {
            await node.RunAsync("rabbitmqctl", "-q", "join_cluster", first);
        }

        await Task.WhenAll(others.Select(node => node.RunAsync("rabbitmqctl", "-q", "start_app")));
    }

    private static string HostOf(string node) => node[NodeAt("").Length..];
}
