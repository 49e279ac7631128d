using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using RabbitMQ.Client;

namespace Messaging.Transactional;

/// <summary>Which broker, from <c>ConnectionStrings__RabbitMq</c>.</summary>
/// <param name="Uri">An <c>amqp://</c> or <c>amqps://</c> address with user, password, host, port and virtual host; of a cluster, its first node's.</param>
public sealed partial record RabbitMqOptions(Uri Uri)
{
    /// <summary>The client library bounds how long a node takes to let itself be reached, and not how long it then stays silent.</summary>
    private static readonly TimeSpan NodePatience = TimeSpan.FromSeconds(20);

    /// <summary>Every node that is named, one address each. A connection goes to any of them that answers.</summary>
    public IReadOnlyList<Uri> Nodes { get; private init; } = [Uri];

    /// <summary>Reads and checks the setting. A cluster is written with its nodes between commas: <c>amqp://user:password@a,b:5673,c/vhost</c>.</summary>
    /// <param name="configuration">The service's configuration.</param>
    /// <exception cref="SettingException">It is missing or no such address.</exception>
    public static RabbitMqOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var text = configuration.GetConnectionString("RabbitMq");
        return ParseNodes(text ?? "") is [var first, ..] nodes
            ? new(first) { Nodes = nodes }
            : throw new SettingException("ConnectionStrings__RabbitMq", string.IsNullOrWhiteSpace(text) ? null : "not shown, it may hold a password", "an address like amqp://user:password@host:5672/vhost");
    }

    /// <summary>
    /// Opens a connection to a node that answers, tried in random order, so that connections spread over a cluster. Recovery is ours: a
    /// connection that broke is replaced, and what it had not confirmed is sent again.
    /// </summary>
    /// <exception cref="OperationCanceledException">No node answered in time, or the caller gives up.</exception>
    internal async Task<IConnection> ConnectAsync(string purpose, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            Uri = Uri,
            SocketFactory = BrokerSocket.Create,
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
            ContinuationTimeout = TimeSpan.FromSeconds(10),
            ClientProvidedName = AppDomain.CurrentDomain.FriendlyName + " " + purpose,
        };
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(NodePatience * Nodes.Count);
        var connecting = factory.CreateConnectionAsync(Nodes.Select(node => new ConnectionFactory { Uri = node }.Endpoint), bounded.Token);
        try
        {
            return await connecting.WaitAsync(bounded.Token);
        }
        catch (OperationCanceledException)
        {
            // The library does not hear its token at every step: nobody waits for it, and what it still brings is let go.
            _ = connecting.ContinueWith(late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Empty when any of it is no address.</summary>
    private static List<Uri> ParseNodes(string text)
    {
        var parts = Address().Match(text);
        var written = parts.Success ? parts.Groups["nodes"].Value.Split(',') : [];
        var nodes = new List<Uri>(written.Length);
        foreach (var node in written)
        {
            if (!Uri.TryCreate(parts.Groups["before"].Value + node.Trim() + parts.Groups["after"].Value, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            {
                return [];
            }

            nodes.Add(uri);
        }

        return nodes;
    }

    [GeneratedRegex("^(?<before>amqps?://(?:[^/]*@)?)(?<nodes>[^/@]+)(?<after>/.*)?$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Address();
}
