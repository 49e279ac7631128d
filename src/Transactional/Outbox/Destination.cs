namespace Messaging.Transactional;

/// <summary>
/// Where an outgoing message goes: a command to one queue, or an event to an exchange that any number of queues may be bound to.
/// Written as <c>queue:orders</c> and <c>exchange:Messaging.Contracts:OrderCreated</c>.
/// </summary>
public readonly record struct Destination
{
    private const string QueuePrefix = "queue:";
    private const string ExchangePrefix = "exchange:";

    private Destination(string address) => Address = address;

    /// <summary>The address as it is stored.</summary>
    public string Address { get; }

    /// <summary>A command has exactly one queue: a command that no queue takes stays pending. An event without subscribers is complete.</summary>
    public bool IsQueue => Address.StartsWith(QueuePrefix, StringComparison.Ordinal);

    /// <summary>The exchange to publish to; a queue has an exchange of its own name in front of it, as MassTransit lays it out.</summary>
    public string Exchange => Address[(Address.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>A command's queue.</summary>
    /// <param name="name">The queue's name.</param>
    public static Destination Queue(string name) => new(QueuePrefix + name);

    /// <summary>An event's exchange, named as MassTransit names it, so that MassTransit subscribers find it.</summary>
    /// <param name="messageType">The contract; it must have a namespace.</param>
    public static Destination Event(Type messageType)
    {
        ArgumentNullException.ThrowIfNull(messageType);
        return messageType.Namespace is { Length: > 0 } space
            ? new(ExchangePrefix + space + ":" + messageType.Name)
            : throw new ArgumentException($"{messageType.Name} has no namespace; MassTransit needs one to name its exchange. Move the type into a namespace.", nameof(messageType));
    }

    /// <summary>Reads back what <see cref="Address"/> wrote.</summary>
    /// <param name="address">A stored address.</param>
    /// <exception cref="FormatException">It is neither form.</exception>
    public static Destination Parse(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.StartsWith(QueuePrefix, StringComparison.Ordinal) || address.StartsWith(ExchangePrefix, StringComparison.Ordinal)
            ? new(address)
            : throw new FormatException($"'{address}' is no destination; expected 'queue:NAME' or 'exchange:NAME'.");
    }
}
