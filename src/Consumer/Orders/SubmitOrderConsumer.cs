using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>Takes orders from MassTransit's consume pipe; what they do is the handler's.</summary>
internal sealed class SubmitOrderConsumer : IConsumer<SubmitOrder>
{
    public Task Consume(ConsumeContext<SubmitOrder> context) => context.ProcessOnceAsync();
}
