using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>Broken: a delivery may be acknowledged as soon as it was handed in. What then ends before its commit is nowhere any more.</summary>
internal sealed class EagerInbox(IInbox inner) : IInbox
{
    public string Operation => inner.Operation;

    public int PrefetchCount => inner.PrefetchCount;

    public ReadDelivery Read(Delivery delivery) => inner.Read(delivery);

    public Task<bool> WaitOutAsync(Exception exception, CancellationToken cancellationToken) => inner.WaitOutAsync(exception, cancellationToken);

    public async ValueTask<Task> AddAsync(ReadDelivery item, CancellationToken cancellationToken)
    {
        await inner.AddAsync(item, cancellationToken);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
