namespace Messaging.Services;

/// <summary>What every broker that we start is told.</summary>
internal static class BrokerSettings
{
    public const string User = "messaging";
    public const string Password = "messaging";

    /// <summary>Nothing spins while it waits: the services under test share the cores with their broker.</summary>
    public const string ErlangArguments = "+sbwt none +sbwtdcpu none +sbwtdio none";

    /// <summary>
    /// Its queues are asked for over HTTP: rabbitmqctl starts an Erlang machine each time, more than a second of a processor.
    /// </summary>
    public const string Plugins = "[rabbitmq_management].\n";

    /// <summary>How old the counters of a queue may be: a quarter of a second, and what a busy machine adds.</summary>
    public static readonly TimeSpan CountersAge = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Of three nodes: the one that sees no other pauses, and sends its clients away. A neighbour that fell silent is given up within ten
    /// seconds instead of 75.
    /// </summary>
    public const string AdvancedOfCluster =
        "[{rabbit, [{quorum_tick_interval, 250}, {cluster_partition_handling, pause_minority}]}, {kernel, [{net_ticktime, 8}]}].\n";

    /// <summary>For sh: gives the node the cookie that its neighbours have, then becomes what the image would have started.</summary>
    public const string WithCookie =
        """
        cookie=/var/lib/rabbitmq/.erlang.cookie
        [ -e $cookie ] || { printf MESSAGINGTESTS >$cookie && chmod 400 $cookie && chown rabbitmq:rabbitmq $cookie; } || exit 1
        exec "$@"
        """;

    /// <summary>
    /// RabbitMQ's advanced.config. A quorum queue reports its counters every five seconds unless told otherwise,
    /// and a test that waits for "unacknowledged is 0" should neither wait that long nor be fooled by an old zero.
    /// </summary>
    /// <param name="managementAddress">Where the management API listens; a container's is reached from outside.</param>
    /// <param name="managementPort">And its port.</param>
    public static string Advanced(string managementAddress, int managementPort) =>
        $"[{{rabbit, [{{quorum_tick_interval, 250}}]}}, {{rabbitmq_management, [{{listener, [{{ip, \"{managementAddress}\"}}, {{port, {managementPort}}}]}}]}}].\n";
}
