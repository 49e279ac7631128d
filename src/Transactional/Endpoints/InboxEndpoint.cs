using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>Lets a MassTransit receive endpoint feed an inbox.</summary>
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

        var queue = endpoint.InputAddress.AbsolutePath.Split('/')[^1];
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(new InboxFilter(inbox, queue)));
    }

    internal static IInbox Find(IServiceProvider services, string operation) =>
        services.GetServices<IInbox>().FirstOrDefault(i => i.Operation == operation)
        ?? throw new ArgumentException($"No handler is registered for the operation '{operation}'. Call AddInbox<TContext>(…).Handle<TMessage, THandler>(\"{operation}\") first.", nameof(operation));

    /// <summary>Completes when the delivery is committed or parked, and MassTransit acknowledges it; throws, and it stays with the broker.</summary>
    private sealed class InboxFilter(IInbox inbox, string queue) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => inbox.ProcessAsync(ToDelivery(context), context.CancellationToken);

        public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

        private Delivery ToDelivery(ReceiveContext context)
        {
            var headers = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
            foreach (var (name, value) in context.TransportHeaders.GetAll())
            {
                headers[name] = value;
            }

            var properties = (context as RabbitMqBasicConsumeContext)?.Properties;
            return new Delivery
            {
                Queue = queue,
                Body = context.Body.GetBytes(),
                ContentType = properties is null ? context.ContentType?.ToString() : properties.ContentType,
                MessageId = properties?.MessageId ?? context.TransportHeaders.Get<string>(MassTransit.MessageHeaders.MessageId),
                Headers = headers,
                Redelivered = context.Redelivered,
                DeliveryCount = Delivery.CountOf(headers.GetValueOrDefault("x-delivery-count")),
                SentAt = properties?.IsTimestampPresent() == true ? Delivery.TimeOf(properties.Timestamp.UnixTime) : null,
            };
        }
    }
}
