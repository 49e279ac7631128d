using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>
/// Broken: a delivery may be acknowledged as soon as it was handed in. What it had only in memory when the process "dies" is gone;
/// the death is played by letting go of the first delivery.
/// </summary>
internal sealed class EagerInbox(IInbox inner) : IInbox
{
    private int _died;

    public string Operation => inner.Operation;

    public int PrefetchCount => inner.PrefetchCount;

    public async ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _died, 1) == 1)
        {
            await inner.AddAsync(delivery, cancellationToken);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
