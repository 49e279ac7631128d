using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>Takes payments from MassTransit's consume pipe; what they do is the handler's.</summary>
internal sealed class CapturePaymentConsumer : IConsumer<CapturePayment>
{
    public Task Consume(ConsumeContext<CapturePayment> context) => context.ProcessOnceAsync();
}
