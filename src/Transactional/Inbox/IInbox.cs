namespace Messaging.Transactional;

/// <summary>The inbox of one operation, as an endpoint sees it.</summary>
internal interface IInbox : IAsyncDisposable
{
    string Operation { get; }

    int PrefetchCount { get; }

    /// <summary>What a delivery says and who it is, or why it has to be parked.</summary>
    ReadDelivery Read(Delivery delivery);

    /// <summary>What code beside the inbox met may have been an outage of its database: then returns when that is over.</summary>
    /// <returns>False when it was none, or is over already.</returns>
    Task<bool> WaitOutAsync(Exception exception, CancellationToken cancellationToken);

    /// <summary>
    /// Hands in a delivery, waiting for room. The task inside completes once it has been committed or parked, and may be acknowledged;
    /// if it fails or is cancelled, the broker keeps the message.
    /// </summary>
    ValueTask<Task> AddAsync(ReadDelivery item, CancellationToken cancellationToken);

    ValueTask<Task> AddAsync(Delivery delivery, CancellationToken cancellationToken) => AddAsync(Read(delivery), cancellationToken);

    /// <summary>Returns once the delivery has been committed or parked, and may be acknowledged.</summary>
    async Task ProcessAsync(ReadDelivery item, CancellationToken cancellationToken) => await await AddAsync(item, cancellationToken);

    Task ProcessAsync(Delivery delivery, CancellationToken cancellationToken) => ProcessAsync(Read(delivery), cancellationToken);
}
