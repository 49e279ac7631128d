namespace Messaging.Consumer;

/// <summary>How orders take effect; configuration section <c>Orders</c>.</summary>
internal sealed class OrdersOptions
{
    /// <summary>True writes the orders of a batch with one statement instead of through the change tracker.</summary>
    public bool SetBased { get; set; }

    /// <summary>False sends no <c>OrderCreated</c>, where nobody listens.</summary>
    public bool PublishEvents { get; set; } = true;
}
