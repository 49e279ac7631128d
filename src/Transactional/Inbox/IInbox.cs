namespace Messaging.Transactional;

/// <summary>The inbox of one operation, as an endpoint sees it.</summary>
internal interface IInbox : IAsyncDisposable
{
    string Operation { get; }

    int PrefetchCount { get; }

    /// <summary>
    /// Hands in a delivery, waiting for room. The task inside completes once it has been committed or parked, and may be acknowledged;
    /// if it fails or is cancelled, the broker keeps the message.
    /// </summary>
    ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken);

    /// <summary>Returns once the delivery has been committed or parked, and may be acknowledged.</summary>
    async Task ProcessAsync(Delivery delivery, CancellationToken cancellationToken) => await await AddAsync(delivery, cancellationToken);
}
