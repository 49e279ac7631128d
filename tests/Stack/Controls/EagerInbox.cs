using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>Broken: a delivery may be acknowledged as soon as it was handed in. What then ends before its commit is nowhere any more.</summary>
internal sealed class EagerInbox(IInbox inner) : IInbox
{
    public string Operation => inner.Operation;

    public int PrefetchCount => inner.PrefetchCount;

    public async ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        await inner.AddAsync(delivery, cancellationToken);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
