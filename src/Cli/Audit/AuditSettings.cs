using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>What is compared with what.</summary>
internal sealed record AuditSettings
{
    public required DatabaseOptions Database { get; init; }

    public IReadOnlyList<EffectTable> Effects { get; init; } = EffectTable.Standard;

    public BrokerSettings? Broker { get; init; }

    /// <summary>Effects of keys that the engine has forgotten (<c>Retention__Hours</c>) are counted, not judged.</summary>
    public bool AllowForgotten { get; init; }
}

/// <param name="Address">amqp:// or amqps://, user and password included.</param>
/// <param name="Management">The management plugin, which alone sees unacknowledged deliveries; the same user and password.</param>
/// <param name="Queues">By name.</param>
internal sealed record BrokerSettings(Uri Address, Uri? Management, IReadOnlyList<string> Queues)
{
    public static readonly IReadOnlyList<string> StandardQueues = ["orders", "payments"];
}
