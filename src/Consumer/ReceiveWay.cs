namespace Messaging.Consumer;

/// <summary>The ways from a queue on RabbitMQ to the inbox, with the same guarantees; setting <c>Inbox__Way</c>.</summary>
public enum ReceiveWay
{
    /// <summary>Straight from a RabbitMQ channel: the fastest, and the default.</summary>
    Direct,

    /// <summary>MassTransit's receive endpoint, below its consume pipe.</summary>
    ReceivePipe,

    /// <summary>MassTransit's ordinary consumers.</summary>
    ConsumePipe,
}
