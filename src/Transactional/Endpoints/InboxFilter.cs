using MassTransit;

namespace Messaging.Transactional;

/// <summary>Completes when the delivery is committed or parked, and MassTransit acknowledges it; throws, and it stays with the broker.</summary>
internal sealed class InboxFilter(IInbox inbox, string queue) : IFilter<ReceiveContext>
{
    public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => inbox.ProcessAsync(ToDelivery(context, queue), context.CancellationToken);

    public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

    public static Delivery ToDelivery(ReceiveContext context, string queue)
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
