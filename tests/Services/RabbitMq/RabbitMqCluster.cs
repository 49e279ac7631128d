using System.Text.Json;
using System.Text.Json.Nodes;

namespace Messaging.Services;

/// <summary>
/// Three RabbitMQ nodes in containers, joined to one cluster. Clients reach each of them at a port of its own, and the nodes reach each
/// other over a network that can be cut from any of them, while its clients stay connected.
/// </summary>
public sealed class RabbitMqCluster : IAsyncDisposable
{
    private static readonly string[] Hosts = ["rabbit-1", "rabbit-2", "rabbit-3"];
    private static readonly TimeSpan JoinLimit = TimeSpan.FromSeconds(90);

    private readonly ClusterServer _nodes;

    private RabbitMqCluster(ClusterServer nodes, RabbitMqServer broker) => (_nodes, Broker) = (nodes, broker);

    /// <summary>The cluster seen as one broker: administered through any node that is there; <see cref="VirtualHost.Uri"/> is the first node's.</summary>
    public RabbitMqServer Broker { get; }

    public IReadOnlyList<string> Nodes { get; } = [.. Hosts.Select(ClusterServer.NodeAt)];

    public static async Task<RabbitMqCluster> StartAsync()
    {
        var containers = await RabbitMqSource.NewNodesAsync(Hosts);
        var nodes = new ClusterServer(Hosts.Zip(containers), await ContainerNetwork.CreateAsync());
        return new RabbitMqCluster(nodes, await RabbitMqServer.StartAsync(nodes));
    }

    /// <summary>What ConnectionStrings__RabbitMq takes: every node.</summary>
    public string AddressOf(VirtualHost host)
        => $"amqp://{BrokerSettings.User}:{BrokerSettings.Password}@{string.Join(',', _nodes.Addresses)}/{Uri.EscapeDataString(host.Name)}";

    public async Task<QueueReplicas> ReplicasAsync(VirtualHost host, string queue)
    {
        var json = await Broker.ControlAsync("list_queues", "--formatter", "json", "-p", host.Name, "name", "leader", "members", "online");
        var row = (JsonNode.Parse(json) as JsonArray)?.Single(row => row?["name"]?.GetValue<string>() == queue) ?? throw new JsonException($"No queue {queue}: {json}");
        return new QueueReplicas(Text(row["leader"]), Texts(row["members"]), Texts(row["online"]));
    }

    public Task MoveLeaderAsync(VirtualHost host, string queue, string node) => Broker.ControlAsync(
        "eval", $"{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{host.Name}\">>, queue, <<\"{queue}\">>)), rabbit_quorum_queue:transfer_leadership(Q, '{node}').");

    /// <summary>See <see cref="RabbitMqServer.SettleAsync"/>, of each node.</summary>
    public Task SettleAsync() => _nodes.RunEverywhereAsync("rabbitmqctl", "-q", "eval", "[dets:sync(Table) || Table <- dets:all()].");

    /// <summary>SIGKILL for one node.</summary>
    public Task KillAsync(string node) => _nodes.KillAsync(node);

    /// <summary>Starts it again; returns before it is back in the cluster.</summary>
    public Task StartAsync(string node) => _nodes.StartAsync(node);

    /// <summary>The node and the two others no longer reach each other; clients still reach all three.</summary>
    public Task CutOffAsync(string node) => _nodes.CutOffAsync(node);

    public Task RejoinAsync(string node) => _nodes.RejoinAsync(node);

    /// <summary>Waits until each of the three has all three replicas of the queue at work.</summary>
    public Task<QueueReplicas> WholeAsync(VirtualHost host, string queue)
        => Eventually.Satisfies(() => ReplicasAsync(host, queue), replicas => replicas.Online.Count == Nodes.Count, JoinLimit, $"three replicas of {queue} online");

    public ValueTask DisposeAsync() => Broker.DisposeAsync();

    private static string Text(JsonNode? name) => name?.GetValue<string>() ?? "";

    private static IReadOnlyList<string> Texts(JsonNode? names) => [.. (names as JsonArray ?? []).Select(Text)];
}
