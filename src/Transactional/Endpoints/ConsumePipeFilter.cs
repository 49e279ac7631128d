using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace Messaging.Transactional;

/// <summary>
/// Stands before MassTransit's deserialiser and consume pipe, and sees what comes back from them. Completes when the delivery is committed
/// or parked, and MassTransit acknowledges it; throws, and it stays with the broker. What the pipe's own code threw or forgot parks a message
/// only where it has not met the end of the process or an outage of the database.
/// </summary>
internal sealed class ConsumePipeFilter(IInbox inbox, string queue, TimeProvider time, CancellationToken stopping) : IFilter<ReceiveContext>
{
    private static readonly TimeSpan OutageRetry = TimeSpan.FromSeconds(1);

    private static readonly SystemTextJsonRawMessageSerializer Json = new(RawSerializerOptions.AnyMessageType);

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var item = inbox.Read(InboxFilter.ToDelivery(context, queue));
        while (item.Reading is Candidate candidate)
        {
            var delivery = new ConsumedDelivery(inbox, item);
            Prepare(context, delivery, item.Delivery, candidate);
            var thrown = await RunAsync(context, next);
            if (await delivery.IsSettledAsync() && thrown is null)
            {
                return;
            }

            stopping.ThrowIfCancellationRequested();
            if (thrown is not null && inbox.IsNoFaultOfMessage(thrown))
            {
                await Task.Delay(OutageRetry, time, stopping);
                continue;
            }

            item = item with
            {
                Reading = thrown is null
                    ? candidate.Refused(ParkingReason.Poison, "Its consumer returned without a call of ProcessOnceAsync.")
                    : candidate.Refused(IsUnreadable(thrown) ? ParkingReason.Malformed : ParkingReason.Poison, thrown.ToString()),
            };
        }

        await inbox.ProcessAsync(item, context.CancellationToken);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

    /// <summary>
    /// A foreign producer's JSON is the payload only: the consumer gets the message that was made of it. An envelope MassTransit reads itself, with all that
    /// stands in it.
    /// </summary>
    private static void Prepare(ReceiveContext context, ConsumedDelivery delivery, Delivery received, Candidate candidate)
    {
        context.AddOrUpdatePayload(() => delivery, _ => delivery);
        if (!MassTransitEnvelope.IsContentType(received.ContentType))
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(candidate.Message, candidate.Message.GetType(), JsonSerializerOptions.Web);
            ConsumeContext message = new BodyConsumeContext(context, Json.Deserialize(new BytesMessageBody(body), context.TransportHeaders, context.InputAddress));
            context.AddOrUpdatePayload(() => message, _ => message);
        }
    }

    private static async Task<Exception?> RunAsync(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        try
        {
            await next.Send(context);
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    /// <summary>MassTransit could not read the envelope, or its types are none that is consumed.</summary>
    private static bool IsUnreadable(Exception exception) => exception is SerializationException or MessageNotConsumedException;
}
