namespace Messaging.Services;

/// <summary>What every broker that we start is told.</summary>
internal static class BrokerSettings
{
    public const string User = "messaging";
    public const string Password = "messaging";

    /// <summary>
    /// RabbitMQ's advanced.config. A quorum queue reports its counters every five seconds unless told otherwise,
    /// and a test that waits for "unacknowledged is 0" should neither wait that long nor be fooled by an old zero.
    /// </summary>
    public const string Advanced = "[{rabbit, [{quorum_tick_interval, 250}]}].\n";
}
