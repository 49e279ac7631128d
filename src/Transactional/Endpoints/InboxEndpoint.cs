using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>Lets a MassTransit receive endpoint feed an inbox: below its consume pipe, or from consumers.</summary>
public static class InboxEndpoint
{
    /// <summary>
    /// Hands every delivery of this endpoint to the inbox of one operation, below MassTransit's consume pipe: bodies that cannot be read
    /// are parked instead of going to <c>_error</c>, and a duplicate is acknowledged instead of going to <c>_skipped</c>. On RabbitMQ the
    /// queue is declared as a durable quorum queue whose delivery limit cannot be reached by accident.
    /// </summary>
    /// <param name="endpoint">The endpoint; its queue carries this one operation.</param>
    /// <param name="services">The registration context.</param>
    /// <param name="operation">A name given to <c>Handle</c>.</param>
    /// <exception cref="ArgumentException">No handler was registered under this name.</exception>
    public static void UseInbox(this IReceiveEndpointConfigurator endpoint, IServiceProvider services, string operation)
    {
        var inbox = Declare(endpoint, services, operation);
        var queue = QueueOf(endpoint);
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(new InboxFilter(inbox, queue)));
    }

    /// <summary>
    /// Lets the consumers of this endpoint hand what they consume to the inbox of one operation, with
    /// <see cref="ProcessOnceAsync(ConsumeContext)"/>: MassTransit's ordinary consume pipe with whatever filters it has, and the guarantees of
    /// <see cref="UseInbox"/>. A message that does not come through the pipe is parked instead of going to <c>_error</c> or <c>_skipped</c>: as
    /// malformed when MassTransit cannot read its envelope or nobody consumes its type, as poison when a filter or consumer threw, or returned
    /// without the call. Before that the pipe is run again, <c>Inbox__MaxAttempts</c> times in all; an outage of the inbox's database counts as no
    /// attempt. The queue is declared as by <see cref="UseInbox"/>; <c>Fault&lt;T&gt;</c> goes only to an address that the message names, at each attempt.
    /// </summary>
    /// <remarks>
    /// As many messages are in the pipe at once as <c>Inbox__PrefetchCount</c> says, for batches to fill: a filter that holds a database connection
    /// around the consumer needs a <c>UseConcurrencyLimit</c> well below the pool's size, or the inbox finds none; one that holds locks there holds up the
    /// handler. Not for these endpoints: scheduled or delayed redelivery (a copy is sent, and the original parked), <c>UseCircuitBreaker</c> (what comes
    /// while it is open is parked), and a transactional outbox of MassTransit's (the inbox is one; what it has consumed it does not let through, and a
    /// redelivery is parked).
    /// </remarks>
    /// <param name="endpoint">The endpoint; its queue carries this one operation.</param>
    /// <param name="services">The registration context.</param>
    /// <param name="operation">A name given to <c>Handle</c>.</param>
    /// <exception cref="ArgumentException">No handler was registered under this name.</exception>
    public static void UseInboxInConsumer(this IReceiveEndpointConfigurator endpoint, IServiceProvider services, string operation)
    {
        var inbox = Declare(endpoint, services, operation);
        var filter = new ConsumePipeFilter(
            inbox, QueueOf(endpoint), services.GetRequiredService<IOptions<InboxOptions>>().Value, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        endpoint.PublishFaults = false;
        endpoint.RethrowFaultedMessages();
        endpoint.ThrowOnSkippedMessages();
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(filter));
    }

    /// <summary>
    /// Called by a consumer: hands the message to its endpoint's inbox and returns once its effect is committed, or is found committed
    /// before, or the message is parked. Whatever the consumer does beside this call is not part of the transaction.
    /// </summary>
    /// <param name="context">What the consumer was called with.</param>
    /// <exception cref="InvalidOperationException">The endpoint was not set up with <see cref="UseInboxInConsumer"/>, or the pipe has returned.</exception>
    /// <exception cref="OperationCanceledException">The process stops, or the channel is gone; the broker keeps the message (the in-memory transport has none that could).</exception>
    public static Task ProcessOnceAsync(this ConsumeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.ReceiveContext.TryGetPayload<ConsumedDelivery>(out var delivery)
            ? delivery.ProcessAsync(context.CancellationToken)
            : throw new InvalidOperationException(
                $"The endpoint {context.ReceiveContext.InputAddress} has no inbox. Call endpoint.UseInboxInConsumer(context, \"operation\") where it is configured.");
    }

    /// <summary>The same for each message of a batch. Where one of them fails, the pipe of each is run again.</summary>
    /// <typeparam name="T">The contract.</typeparam>
    /// <param name="context">What a consumer of batches was called with.</param>
    /// <exception cref="InvalidOperationException">As from the other one.</exception>
    /// <exception cref="OperationCanceledException">Likewise.</exception>
    public static Task ProcessOnceAsync<T>(this ConsumeContext<Batch<T>> context)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(context);
        return Task.WhenAll([.. context.Message.Select(message => message.ProcessOnceAsync())]);
    }

    internal static IInbox Find(IServiceProvider services, string operation) =>
        services.GetServices<IInbox>().FirstOrDefault(i => i.Operation == operation)
        ?? throw new ArgumentException($"No handler is registered for the operation '{operation}'. Call AddInbox<TContext>(…).Handle<TMessage, THandler>(\"{operation}\") first.", nameof(operation));

    private static IInbox Declare(IReceiveEndpointConfigurator endpoint, IServiceProvider services, string operation)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var inbox = Find(services, operation);
        endpoint.PrefetchCount = inbox.PrefetchCount;
        endpoint.ConcurrentMessageLimit = inbox.PrefetchCount;
        endpoint.ConfigureConsumeTopology = false;
        if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
        {
            rabbit.Durable = true;
            foreach (var (name, value) in Topology.QueueArguments)
            {
                rabbit.SetQueueArgument(name, value!);
            }
        }

        return inbox;
    }

    private static string QueueOf(IReceiveEndpointConfigurator endpoint) => endpoint.InputAddress.AbsolutePath.Split('/')[^1];
}
