namespace Messaging.Transactional;

/// <summary>What the broker said of one message.</summary>
internal enum SendOutcome
{
    /// <summary>Nothing in time; it may have arrived.</summary>
    Unanswered,

    /// <summary>The broker has it, durably: the row may go.</summary>
    Confirmed,

    /// <summary>The broker has no queue for it.</summary>
    Unrouted,

    /// <summary>The broker refused it (nack), or it cannot be sent at all.</summary>
    Refused,
}

/// <summary>The broker's answer for one message; by default there is none.</summary>
internal readonly record struct SendResult(SendOutcome Outcome, string? Error = null)
{
    public static SendResult Confirmed { get; } = new(SendOutcome.Confirmed);
}

/// <summary>Carries a window of messages to the broker: RabbitMQ, or the bus inside the process.</summary>
internal interface ITransport
{
    /// <summary>Publishes the messages together and waits for the answer to each.</summary>
    /// <exception cref="BrokerUnavailableException">The broker is away, or answered for none of them. Some of the messages may have arrived.</exception>
    Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken);
}

/// <summary>The broker cannot be reached, or did not answer in time.</summary>
internal sealed class BrokerUnavailableException(string message, Exception inner) : Exception(message, inner);
