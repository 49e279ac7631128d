using Microsoft.Extensions.Configuration;
using RabbitMQ.Client;

namespace Messaging.Transactional;

/// <summary>Which broker, from <c>ConnectionStrings__RabbitMq</c>.</summary>
/// <param name="Uri">An <c>amqp://</c> or <c>amqps://</c> address with user, password, host, port and virtual host.</param>
public sealed record RabbitMqOptions(Uri Uri)
{
    /// <summary>Reads and checks the setting.</summary>
    /// <param name="configuration">The service's configuration.</param>
    /// <exception cref="SettingException">It is missing or no such address.</exception>
    public static RabbitMqOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var text = configuration.GetConnectionString("RabbitMq");
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps"
            ? new(uri)
            : throw new SettingException("ConnectionStrings__RabbitMq", string.IsNullOrWhiteSpace(text) ? null : "not shown, it may hold a password", "an address like amqp://user:password@host:5672/vhost");
    }

    /// <summary>Recovery is ours: a connection that broke is replaced, and what it had not confirmed is sent again.</summary>
    internal ConnectionFactory CreateFactory(string purpose) => new()
    {
        Uri = Uri,
        AutomaticRecoveryEnabled = false,
        TopologyRecoveryEnabled = false,
        RequestedHeartbeat = TimeSpan.FromSeconds(10),
        RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
        ContinuationTimeout = TimeSpan.FromSeconds(10),
        ClientProvidedName = AppDomain.CurrentDomain.FriendlyName + " " + purpose,
    };
}
