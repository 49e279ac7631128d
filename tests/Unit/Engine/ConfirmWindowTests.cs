using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>Two windows hold the same message: its lease ended while the broker was away, and the poller took it as well.</summary>
public sealed class ConfirmWindowTests
{
    [Fact]
    public async Task A_message_that_two_windows_hold_and_no_queue_takes_counts_as_returned_in_both()
    {
        OutgoingMessage[] messages = [Message(), Message()];
        var (first, second) = (new ConfirmWindow(1, messages), new ConfirmWindow(3, messages));

        // RabbitMQ returns at once and confirms later, many with one answer.
        foreach (var message in messages.Concat(messages))
        {
            Assert.True(first.Return(message.Id, "NO_ROUTE") || second.Return(message.Id, "NO_ROUTE"));
        }

        foreach (var window in (ConfirmWindow[])[first, second])
        {
            window.Answer(4, multiple: true, SendResult.Confirmed);
            window.Tell();
            Assert.All(await window.Answered, result => Assert.Equal(SendOutcome.Unrouted, result.Outcome));
        }
    }

    private static OutgoingMessage Message() => new()
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Parse("exchange:Messaging.Contracts:OrderCreated"),
        MessageType = "urn:message:Messaging.Contracts:OrderCreated",
        Body = "{}"u8.ToArray(),
        Client = "acme",
        IdempotencyKey = "k",
        AcceptedAtMs = 0,
    };
}
