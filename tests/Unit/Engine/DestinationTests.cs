using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class DestinationTests
{
    [Fact]
    public void A_queue_and_an_event_are_read_back_as_they_were_written()
    {
        Destination[] destinations = [Destination.Queue("orders"), Destination.Event(typeof(OrderCreated))];

        Assert.Equal(["queue:orders", "exchange:Messaging.Contracts:OrderCreated"], destinations.Select(d => d.Address));
        Assert.Equal(["orders", "Messaging.Contracts:OrderCreated"], destinations.Select(d => d.Exchange));
        Assert.Equal([true, false], destinations.Select(d => d.IsQueue));
        Assert.Equal(destinations, destinations.Select(d => Destination.Parse(d.Address)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("orders")]
    [InlineData("Queue:orders")]
    [InlineData("topic:orders")]
    public void Anything_else_is_no_destination(string address) => Assert.Throws<FormatException>(() => Destination.Parse(address));

    [Fact]
    public void An_event_needs_a_namespace() =>
        Assert.Contains("namespace", Assert.Throws<ArgumentException>(() => Destination.Event(new { A = 1 }.GetType())).Message, StringComparison.Ordinal);

    [Fact]
    public void Both_sides_declare_the_same_queues_which_drop_nothing()
    {
        var topology = new Topology().Queue("orders").Queue("orders").Event<OrderCreated>();

        Assert.Equal(["orders"], topology.Queues);
        Assert.Equal(["Messaging.Contracts:OrderCreated"], topology.Exchanges);
        Assert.Equal("quorum", Topology.QueueArguments["x-queue-type"]);
        Assert.True((int)Topology.QueueArguments["x-delivery-limit"]! >= 1_000_000, "RabbitMQ 4 drops a message after 20 deliveries unless told otherwise.");
    }
}
