using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>The ways from a queue on RabbitMQ to the inbox, with the same guarantees.</summary>
public enum ReceiveWay
{
    /// <summary>Straight from a RabbitMQ channel: the fastest, and the default.</summary>
    Direct,

    /// <summary>MassTransit's receive endpoint, below its consume pipe.</summary>
    ReceivePipe,

    /// <summary>MassTransit's ordinary consumers.</summary>
    ConsumePipe,
}

/// <summary>The way of each queue.</summary>
/// <param name="Orders">Setting <c>Orders__Way</c>, or else <c>Inbox__Way</c>.</param>
/// <param name="Payments">Setting <c>Payments__Way</c>, or else <c>Inbox__Way</c>.</param>
public sealed record ReceiveWays(ReceiveWay Orders, ReceiveWay Payments)
{
    /// <summary>The same for both.</summary>
    /// <param name="way">Which one.</param>
    public static ReceiveWays Both(ReceiveWay way) => new(way, way);

    /// <summary>Reads the settings.</summary>
    /// <param name="configuration">The service's configuration.</param>
    /// <exception cref="SettingException">One of them names no way.</exception>
    public static ReceiveWays Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var way = Read(configuration, "Inbox", ReceiveWay.Direct);
        return new ReceiveWays(Read(configuration, "Orders", way), Read(configuration, "Payments", way));
    }

    private static ReceiveWay Read(IConfiguration configuration, string section, ReceiveWay otherwise)
    {
        var name = configuration[section + ":Way"];
        return string.IsNullOrEmpty(name) ? otherwise
            : Enum.GetNames<ReceiveWay>().Contains(name, StringComparer.OrdinalIgnoreCase) ? Enum.Parse<ReceiveWay>(name, ignoreCase: true)
            : throw new SettingException(section + "__Way", name, "Direct, ReceivePipe or ConsumePipe");
    }
}
