namespace Messaging.Transactional;

/// <summary>A delivery that waits to be settled; completed means acknowledge, anything else leaves it to the broker.</summary>
internal sealed class PendingDelivery(ReadDelivery item)
{
    public ReadDelivery Item => item;

    public int Attempts { get; set; }

    /// <summary>How often it met a lock that somebody holds for long, or what the database lacks; from the first time on it shares a transaction only with others of which that is true.</summary>
    public int TimesHeldUp { get; set; }

    /// <summary>Why its handler must not meet it again; null as long as it may. It is parked for this, unless its key turns out to be claimed.</summary>
    public Exception? Refused { get; set; }

    /// <summary>Processes have died of it, and it has let the others go first.</summary>
    public bool HasWaited { get; set; }

    public TaskCompletionSource Settled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
