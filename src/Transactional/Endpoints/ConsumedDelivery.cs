namespace Messaging.Transactional;

/// <summary>A delivery on its way through MassTransit's consume pipe to its inbox.</summary>
internal sealed class ConsumedDelivery(IInbox inbox, ReadDelivery item)
{
    private readonly Lock _lock = new();
    private readonly List<Task> _calls = [];
    private bool _hasReturned;

    public bool IsEnvelope => MassTransitEnvelope.IsContentType(item.Delivery.ContentType);

    /// <summary>What a consumer calls, more than once when the pipe has it retry: the inbox is given the message again when it has failed.</summary>
    public Task ProcessAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_hasReturned)
            {
                throw new InvalidOperationException("The consumer and its pipe have returned, and what becomes of the message is decided. Await ProcessOnceAsync within Consume.");
            }

            if (_calls.LastOrDefault() is { IsFaulted: false, IsCanceled: false } same)
            {
                return same;
            }

            var call = inbox.ProcessAsync(item, cancellationToken);
            _calls.Add(call);
            return call;
        }
    }

    /// <summary>
    /// To be asked once the pipe has come back, however it did: it may have swallowed what a call threw, or not have awaited it. Waits for every call.
    /// </summary>
    /// <returns>True when the message is committed or parked; false when the inbox was never given it.</returns>
    /// <exception cref="Exception">The inbox was given it and did neither: the broker has to keep it.</exception>
    public async Task<bool> IsSettledAsync()
    {
        lock (_lock)
        {
            _hasReturned = true;
        }

        await Task.WhenAll(_calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_calls.Count > 0 && !_calls.Exists(call => call.IsCompletedSuccessfully))
        {
            await _calls[0];
        }

        return _calls.Count > 0;
    }
}
