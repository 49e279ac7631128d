using System.Net.Mime;
using MassTransit;
using MassTransit.Serialization;

namespace Messaging.Transactional;

/// <summary>Sends through the service's own MassTransit bus: how the in-memory transport of Standalone is reached.</summary>
internal sealed class BusTransport(IBus bus) : ITransport
{
    private static readonly ContentType Envelope = new(MassTransitEnvelope.ContentType);

    public async Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
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
        }

        return results;
    }
}
