using System.Net.Mime;
using MassTransit;
using MassTransit.Serialization;

namespace Messaging.Transactional;

/// <summary>Sends through the service's own MassTransit bus: how the in-memory transport of Standalone is reached.</summary>
/// <param name="findBus">Asked when there is something to send: the bus itself is built from endpoints that lead here.</param>
internal sealed class BusTransport(Func<IBusControl> findBus) : ITransport
{
    private static readonly ContentType Envelope = new(MassTransitEnvelope.ContentType);

    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            // Before its endpoints are bound, the in-memory transport drops what is sent to it.
            var bus = findBus();
            await bus.WaitForHealthStatus(BusHealthStatus.Healthy, cancellationToken);
            return await SendAllAsync(bus, messages, cancellationToken);
        }
        catch (Exception exception) when (exception is MassTransitException or InvalidOperationException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new BrokerUnavailableException(exception.Message, exception);
        }
    }

    private static async Task<SendResult[]> SendAllAsync(IBusControl bus, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        var results = new SendResult[messages.Count];
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            var endpoint = await bus.GetSendEndpoint(new Uri("exchange:" + message.Destination.Exchange));
            await endpoint.Send(message, context =>
            {
                context.MessageId = message.Id;
                context.Serializer = new CopyBodySerializer(Envelope, new BytesMessageBody(MassTransitEnvelope.Write(message)));
                foreach (var (name, value) in MassTransitEnvelope.Identity(message))
                {
                    context.Headers.Set(name, value);
                }
            }, cancellationToken);
            results[i] = SendResult.Confirmed;
            if (i + 1 < messages.Count)
            {
                CrashPoint.Reach("D4", i + 1);
            }
        }

        return results;
    }
}
