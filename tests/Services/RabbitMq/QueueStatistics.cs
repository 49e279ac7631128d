namespace Messaging.Services;

/// <summary>
/// What a queue holds. <see cref="Unacknowledged"/> of a quorum queue may be up to a quarter of a second old (see <see cref="BrokerSettings"/>).
/// </summary>
public readonly record struct QueueStatistics(string Name, string Type, long Ready, long Unacknowledged, long Consumers)
{
    public static QueueStatistics Empty(string name, string type) => new(name, type, 0, 0, 0);

    /// <summary>Neither waiting nor in anybody's hands.</summary>
    public bool IsDrained => Ready == 0 && Unacknowledged == 0;
}
