using MassTransit;

namespace Messaging.Transactional;

/// <summary>Lets a MassTransit bus connect to the broker that the settings name.</summary>
public static class BrokerHost
{
    /// <summary>Connects to the broker, or to any node of a cluster that answers.</summary>
    /// <param name="bus">The bus.</param>
    /// <param name="broker">As <c>UseRabbitMqTransport</c> registered it.</param>
    public static void Host(this IRabbitMqBusFactoryConfigurator bus, RabbitMqOptions broker)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(broker);
        bus.Host(broker.Uri, host =>
        {
            host.OnRefreshConnectionFactory = factory =>
            {
                factory.SocketFactory = BrokerSocket.Create;
                return Task.CompletedTask;
            };
            if (broker.Nodes.Count > 1)
            {
                host.UseCluster(cluster =>
                {
                    foreach (var node in broker.Nodes)
                    {
                        cluster.Node(node.IsDefaultPort || node.Port < 0 ? node.Host : $"{node.Host}:{node.Port}");
                    }
                });
            }
        });
    }
}
