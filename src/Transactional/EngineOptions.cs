using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>How requests are accepted; configuration section <c>Accept</c>.</summary>
public sealed class AcceptOptions
{
    /// <summary>Requests that may share one commit.</summary>
    [Range(1, 1000)]
    public int MaxGroupSize { get; set; } = 200;

    /// <summary>Requests that may wait for a commit; further ones are refused as unavailable.</summary>
    [Range(1, 1_000_000)]
    public int MaxWaiting { get; set; } = 10_000;

    /// <summary>How long a request waits for its commit before it is refused as unavailable.</summary>
    [Range(100, 120_000)]
    public int TimeoutMilliseconds { get; set; } = 10_000;

    /// <summary>How long a request waits for another one that is still committing the same key.</summary>
    [Range(1, 60_000)]
    public int InFlightWaitMilliseconds { get; set; } = 5_000;
}

/// <summary>How outgoing messages are dispatched; configuration section <c>Dispatch</c>.</summary>
public sealed class DispatchOptions
{
    /// <summary>Messages of one window: published together, confirmed, deleted together. Three windows may be under way at once.</summary>
    [Range(1, 10_000)]
    public int WindowSize { get; set; } = 500;

    /// <summary>Committed messages handed over in memory, at most; further ones wait for the poller.</summary>
    [Range(1, 1_000_000)]
    public int MaxHandedOver { get; set; } = 20_000;

    /// <summary>How often the poller looks for messages that were left behind.</summary>
    [Range(10, 60_000)]
    public int PollIntervalMilliseconds { get; set; } = 500;

    /// <summary>How long a message belongs to the dispatcher that took it, before another one may take it.</summary>
    [Range(1_000, 600_000)]
    public int LeaseMilliseconds { get; set; } = 10_000;

    /// <summary>How long to wait for the broker's confirms. What is not confirmed by then is put off; where nothing of a window is, the connection counts as broken.</summary>
    [Range(100, 120_000)]
    public int ConfirmTimeoutMilliseconds { get; set; } = 10_000;

    /// <summary>Longest pause between two attempts while the broker is away.</summary>
    [Range(10, 60_000)]
    public int MaxRetryDelayMilliseconds { get; set; } = 1_000;

    /// <summary>True keeps an event pending until somebody subscribes to it; false (the default) drops an event that nobody subscribes to.</summary>
    public bool RequireSubscribers { get; set; }
}

/// <summary>How deliveries are processed; configuration section <c>Inbox</c>.</summary>
public sealed class InboxOptions
{
    /// <summary>Deliveries that may share one transaction.</summary>
    [Range(1, 2000)]
    public int MaxBatchSize { get; set; } = 500;

    /// <summary>Bytes of bodies that may share one transaction; the message that reaches the bound is the last of its batch.</summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxBatchBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>How long a batch that is not full waits for more; 0: not at all, as whatever comes meanwhile shares the next one.</summary>
    [Range(0, 1_000)]
    public int MaxBatchDelayMilliseconds { get; set; }

    /// <summary>Unacknowledged deliveries the broker may hand to one endpoint of this process.</summary>
    [Range(1, 10_000)]
    public int PrefetchCount { get; set; } = 2000;

    /// <summary>Attempts before a message whose handler fails is parked.</summary>
    [Range(1, 100)]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>Pause before the second attempt; doubled for each further one.</summary>
    [Range(1, 60_000)]
    public int RetryDelayMilliseconds { get; set; } = 200;

    /// <summary>Doubled for each attempt, up to a minute.</summary>
    internal TimeSpan RetryDelay(long attempts) => TimeSpan.FromMilliseconds(Math.Min(60_000, RetryDelayMilliseconds * Math.Pow(2, attempts - 1)));

    /// <summary>How long a handler may take: for one message, or as a set for those of one transaction. Beyond it, it is cancelled, and has failed.</summary>
    [Range(100, 3_600_000)]
    public int HandlerTimeoutMilliseconds { get; set; } = 60_000;

    /// <summary>From so many earlier deliveries on, a message runs in a transaction of its own.</summary>
    [Range(1, 1000)]
    public int SoloAfterDeliveries { get; set; } = 5;

    /// <summary>Processes that may die while one of them ran a message alone, before it is parked without being run again.</summary>
    [Range(1, 100)]
    public int MaxFatalAttempts { get; set; } = 5;
}

/// <summary>How long keys are remembered, and how they are forgotten; configuration section <c>Retention</c>.</summary>
public sealed class RetentionOptions
{
    /// <summary>Hours for which a key is remembered and its status kept.</summary>
    [Range(24, 24 * 3660)]
    public int Hours { get; set; } = 7 * 24;

    /// <summary>How much longer than <c>Retention__Hours</c> a key is kept, though messages of it are too late by then: room for clocks that differ and processes that stall.</summary>
    [Range(10, 7 * 24 * 60)]
    public int ToleranceMinutes { get; set; } = 120;

    /// <summary>Seconds between two passes that forget keys; 0: this process forgets none.</summary>
    [Range(0, 86_400)]
    public int IntervalSeconds { get; set; } = 60;

    /// <summary>Keys that are forgotten in one transaction, at most.</summary>
    [Range(1, 10_000)]
    public int MaxBatchSize { get; set; } = 500;

    /// <summary>Pause between two such transactions of a pass, at least: on a busy database it is longer. 0: none at all.</summary>
    [Range(0, 60_000)]
    public int PauseMilliseconds { get; set; } = 100;

    /// <summary>
    /// After a transaction that took so long. It rests fifteen times as long: what takes long finds the database busy with others, whom it takes
    /// a sixteenth of the time from, however busy they are.
    /// </summary>
    internal TimeSpan PauseAfter(TimeSpan took) => PauseMilliseconds == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Clamp(15 * took.TotalMilliseconds, PauseMilliseconds, 60_000));

    internal long Milliseconds => Hours * 3_600_000L;

    internal long ToleranceMilliseconds => ToleranceMinutes * 60_000L;
}

/// <summary>How lost messages are found; configuration section <c>Reconcile</c>.</summary>
public sealed class ReconcileOptions
{
    /// <summary>Seconds between two looks; 0 looks only at start.</summary>
    [Range(0, 86_400)]
    public int IntervalSeconds { get; set; } = 60;

    /// <summary>A submission without an outcome is published again once it is older than this, again at twice, four times … this age, at least seven times within <c>Retention__Hours</c>, and shortly before they are over.</summary>
    [Range(0, 86_400)]
    public int OlderThanSeconds { get; set; } = 300;

    /// <summary>True when the broker forgets everything with this process: at start, everything without an outcome is published again.</summary>
    public bool EverythingAtStart { get; set; }
}

[OptionsValidator]
internal sealed partial class AcceptOptionsValidator : IValidateOptions<AcceptOptions>;

[OptionsValidator]
internal sealed partial class DispatchOptionsValidator : IValidateOptions<DispatchOptions>;

[OptionsValidator]
internal sealed partial class InboxOptionsValidator : IValidateOptions<InboxOptions>;

[OptionsValidator]
internal sealed partial class RetentionOptionsValidator : IValidateOptions<RetentionOptions>;

[OptionsValidator]
internal sealed partial class ReconcileOptionsValidator : IValidateOptions<ReconcileOptions>;
