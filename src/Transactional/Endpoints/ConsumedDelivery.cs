namespace Messaging.Transactional;

/// <summary>A delivery on its way through MassTransit's consume pipe to its inbox; the pipe may call for it more than once.</summary>
internal sealed class ConsumedDelivery(IInbox inbox, ReadDelivery item)
{
    private volatile bool _isHandedIn;
    private volatile bool _isSettled;

    public bool IsHandedIn => _isHandedIn;

    /// <summary>The inbox has it, or had it, and neither committed nor parked it: whatever is thrown meanwhile, the broker has to keep it.</summary>
    public bool IsUnsettled => _isHandedIn && !_isSettled;

    public async Task ProcessAsync(CancellationToken cancellationToken)
    {
        _isHandedIn = true;
        await inbox.ProcessAsync(item, cancellationToken);
        _isSettled = true;
    }
}
