namespace Messaging.Services;

/// <summary>What a queue holds, or held at some moment since it was asked for.</summary>
public readonly record struct QueueStatistics(string Name, string Type, long Ready, long Unacknowledged)
{
    public static QueueStatistics Empty(string name, string type) => new(name, type, 0, 0);

    /// <summary>Neither waiting nor in anybody's hands.</summary>
    public bool IsDrained => Ready == 0 && Unacknowledged == 0;
}
