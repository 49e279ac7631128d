using Microsoft.Extensions.Logging.Abstractions;
using Testcontainers.RabbitMq;

namespace Messaging.Services;

/// <summary>Finds a broker: a container, else a local node, else the reason why there is none.</summary>
internal static class RabbitMqSource
{
    private const int AmqpPort = 5672;
    private const int ManagementPort = 15672;

    private static string Image => Environment.GetEnvironmentVariable("MESSAGING_TEST_RABBITMQ_IMAGE") ?? "rabbitmq:4-management";

    public static Uri? Named
        => Environment.GetEnvironmentVariable("MESSAGING_TEST_RABBITMQ") is { Length: > 0 } address ? new Uri(address) : null;

    /// <summary>A new broker, not started, and the port of its management API.</summary>
    public static async Task<(IServer Server, int ManagementPort)> NewAsync()
    {
        if (await DockerEngine.ObstacleAsync(Image) is not { } obstacle)
        {
            return Container();
        }

        if (RabbitMqNode.IsInstalled)
        {
            var node = RabbitMqNode.New();
            return (node, node.ManagementPort);
        }

        Unavailable.Because(
            $"there is no RabbitMQ: {obstacle}, and rabbitmq-server is not installed. "
            + "Start Docker, or install rabbitmq-server, or name a broker in MESSAGING_TEST_RABBITMQ, or run ./test, which sees to it.");
        return default;
    }

    /// <summary>The nodes of a cluster to be, each in a container that is called as its node, with one Erlang cookie; not started.</summary>
    public static async Task<IReadOnlyList<ContainerServer>> NewNodesAsync(IEnumerable<string> hosts)
    {
        if (await DockerEngine.ObstacleAsync(Image) is { } obstacle)
        {
            Unavailable.Because($"there is no RabbitMQ cluster, which only containers can be: {obstacle}. Start Docker, or run ./test, which sees to it.");
        }

        var image = (await DockerEngine.Client.Images.InspectImageAsync(Image)).Config!;
        string[] start = [.. image.Entrypoint ?? [], .. image.Cmd ?? []];
        return [.. hosts.Select(host => Container(BrokerSettings.AdvancedOfCluster, builder => builder
            .WithHostname(host)
            .WithEntrypoint("sh", "-c", BrokerSettings.WithCookie, "sh")
            .WithCommand(start)))];
    }

    private static (IServer Server, int ManagementPort) Container()
    {
        var managementPort = FreePort.Next();
        return (Container(BrokerSettings.Advanced("0.0.0.0", ManagementPort), builder => builder
            .WithPortBinding(managementPort, ManagementPort)
            .WithResourceMapping(System.Text.Encoding.UTF8.GetBytes(BrokerSettings.Plugins), "/etc/rabbitmq/enabled_plugins")), managementPort);
    }

    private static ContainerServer Container(string advanced, Func<RabbitMqBuilder, RabbitMqBuilder> further)
    {
        var port = FreePort.Next();
        var container = further(new RabbitMqBuilder(Image)
            .WithUsername(BrokerSettings.User)
            .WithPassword(BrokerSettings.Password)
            .WithPortBinding(port, AmqpPort)
            .WithEnvironment("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", BrokerSettings.ErlangArguments)
            .WithResourceMapping(System.Text.Encoding.UTF8.GetBytes(advanced), "/etc/rabbitmq/advanced.config")
            .WithLogger(NullLogger.Instance)
            .WithLabel(TestRun.Label, TestRun.Id))
            .Build();
        return new ContainerServer(container, port);
    }
}
