namespace Messaging.Transactional;

/// <summary>
/// The queues and exchanges of a service. Whoever starts first declares them, publisher or consumer, so that nothing published
/// before the first consumer is lost.
/// </summary>
public sealed class Topology
{
    private readonly HashSet<string> _queues = new(StringComparer.Ordinal);
    private readonly HashSet<string> _exchanges = new(StringComparer.Ordinal);

    /// <summary>
    /// Deliveries after which a quorum queue may drop a message. RabbitMQ 4 drops after 20 unless told otherwise; a backlog that sees
    /// a consumer crash counts every outstanding message. This bound cannot be reached by accident. (A negative number would mean
    /// "never" on 4.x, but zero on 3.x.)
    /// </summary>
    public const int DeliveryLimit = 1_000_000_000;

    internal IReadOnlyCollection<string> Queues => _queues;

    internal IReadOnlyCollection<string> Exchanges => _exchanges;

    /// <summary>The arguments of every queue; both sides must declare the same.</summary>
    internal static IReadOnlyDictionary<string, object?> QueueArguments { get; } = new Dictionary<string, object?>
    {
        ["x-queue-type"] = "quorum",
        ["x-delivery-limit"] = DeliveryLimit,
    };

    /// <summary>A durable quorum queue for commands, with a fanout exchange of the same name in front of it.</summary>
    /// <param name="name">Its name.</param>
    public Topology Queue(string name)
    {
        _queues.Add(name);
        return this;
    }

    /// <summary>A durable fanout exchange for an event, named as MassTransit names it.</summary>
    /// <typeparam name="TEvent">The contract.</typeparam>
    public Topology Event<TEvent>()
    {
        _exchanges.Add(Destination.Event(typeof(TEvent)).Exchange);
        return this;
    }
}
