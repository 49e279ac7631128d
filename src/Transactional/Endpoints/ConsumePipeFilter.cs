using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;

namespace Messaging.Transactional;

/// <summary>
/// Stands before MassTransit's deserialiser and consume pipe, and sees what comes back from them. Completes when the delivery is committed
/// or parked, and MassTransit acknowledges it; throws, and it stays with the broker.
/// </summary>
internal sealed class ConsumePipeFilter(IInbox inbox, string queue, CancellationToken stopping) : IFilter<ReceiveContext>
{
    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var item = inbox.Read(InboxFilter.ToDelivery(context, queue));
        if (item.Reading is not Candidate candidate)
        {
            await inbox.ProcessAsync(item, context.CancellationToken);
            return;
        }

        var delivery = new ConsumedDelivery(inbox, item);
        context.AddOrUpdatePayload(() => delivery, _ => delivery);
        Unreadable failed;
        try
        {
            await next.Send(context);
            if (delivery.IsHandedIn)
            {
                return;
            }

            failed = candidate.Refused(ParkingReason.Poison, "Its consumer returned without a call of ProcessOnceAsync.");
        }
        catch (Exception exception) when (!delivery.IsUnsettled && !IsStopping(exception))
        {
            failed = candidate.Refused(IsUnreadable(exception) ? ParkingReason.Malformed : ParkingReason.Poison, exception.ToString());
        }

        await inbox.ProcessAsync(item with { Reading = failed }, context.CancellationToken);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

    private bool IsStopping(Exception exception) => exception is OperationCanceledException && stopping.IsCancellationRequested;

    /// <summary>MassTransit could not make the consumer's message of it, or its types are not the consumer's.</summary>
    private static bool IsUnreadable(Exception exception) => exception is SerializationException or JsonException or MessageNotConsumedException;
}
