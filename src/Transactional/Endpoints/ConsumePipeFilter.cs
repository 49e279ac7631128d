using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace Messaging.Transactional;

/// <summary>
/// Stands before MassTransit's deserialiser and consume pipe, and sees what comes back from them. Completes when the delivery is committed
/// or parked, and MassTransit acknowledges it; throws, and it stays with the broker. Where the pipe's own code threw, or forgot the call, it is
/// tried again as a handler that fails is, and then parked.
/// </summary>
internal sealed class ConsumePipeFilter(IInbox inbox, string queue, InboxOptions options, TimeProvider time, CancellationToken stopping) : IFilter<ReceiveContext>
{
    private static readonly TimeSpan StopPause = TimeSpan.FromSeconds(1);

    private static readonly SystemTextJsonRawMessageSerializer Json = new(RawSerializerOptions.All);

    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var item = inbox.Read(InboxFilter.ToDelivery(context, queue));
        if (item.Reading is Candidate candidate)
        {
            if (await RunAsync(context, next, item, candidate) is not { } refused)
            {
                return;
            }

            item = item with { Reading = refused };
        }

        await inbox.ProcessAsync(item, context.CancellationToken);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("inbox");

    /// <returns>Why the message has to be parked; null when the inbox has settled it.</returns>
    private async Task<Unreadable?> RunAsync(ReceiveContext context, IPipe<ReceiveContext> next, ReadDelivery item, Candidate candidate)
    {
        var isSettled = false;
        for (var attempts = 1; ; attempts++)
        {
            var delivery = new ConsumedDelivery(inbox, item);
            var thrown = await TryAsync(context, next, delivery, candidate);
            isSettled |= await delivery.IsSettledAsync();
            if (isSettled && thrown is null)
            {
                return null;
            }

            await PauseAsync(options.RetryDelay(attempts), context.CancellationToken);
            if (thrown is not null && await inbox.WaitOutAsync(thrown, context.CancellationToken))
            {
                attempts--;
            }
            else if (attempts >= options.MaxAttempts)
            {
                return thrown is null
                    ? candidate.Refused(ParkingReason.Poison, "Its consumer returned without a call of ProcessOnceAsync.")
                    : candidate.Refused(IsUnreadable(thrown) ? ParkingReason.Malformed : ParkingReason.Poison, thrown.ToString());
            }
        }
    }

    /// <summary>
    /// A foreign producer's JSON is the payload only: the consumer gets the message that was made of it. An envelope MassTransit reads itself, with
    /// all that stands in it.
    /// </summary>
    /// <returns>What was thrown on the way.</returns>
    private static async Task<Exception?> TryAsync(ReceiveContext context, IPipe<ReceiveContext> next, ConsumedDelivery delivery, Candidate candidate)
    {
        try
        {
            context.AddOrUpdatePayload(() => delivery, _ => delivery);
            if (!delivery.IsEnvelope)
            {
                var body = JsonSerializer.SerializeToUtf8Bytes(candidate.Message, candidate.Message.GetType(), JsonSerializerOptions.Web);
                ConsumeContext message = new BodyConsumeContext(context, Json.Deserialize(new BytesMessageBody(body), context.TransportHeaders, context.InputAddress));
                context.AddOrUpdatePayload(() => message, _ => message);
            }

            await next.Send(context);
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    /// <summary>Before the pipe runs again or the message is parked; what the pipe met may have been the end of the process, or of the channel.</summary>
    /// <exception cref="OperationCanceledException">It was: the message stays with the broker.</exception>
    private async Task PauseAsync(TimeSpan delay, CancellationToken channel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(channel, stopping);
        await Task.Delay(delay, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stopping.IsCancellationRequested)
        {
            // MassTransit receives until its turn to stop has come: the broker would hand it out again at once.
            await Task.Delay(StopPause, time, channel);
        }

        either.Token.ThrowIfCancellationRequested();
    }

    /// <summary>MassTransit could not read the envelope, or its types are none that is consumed.</summary>
    private static bool IsUnreadable(Exception exception) => exception is SerializationException or MessageNotConsumedException;
}
