using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Messaging.Transactional;

/// <summary>What the engine counts, and the source of its traces.</summary>
public sealed class EngineMetrics
{
    /// <summary>The name of the meter and of the activity source, for OpenTelemetry's <c>AddMeter</c> and <c>AddSource</c>.</summary>
    public const string Name = "Messaging.Transactional";

    private readonly Counter<long> _submissions;
    private readonly Counter<long> _deliveries;
    private readonly Counter<long> _dispatched;
    private readonly Counter<long> _unrouted;
    private readonly Counter<long> _republished;
    private readonly Counter<long> _forgotten;
    private readonly Gauge<double> _oldestRemembered;
    private readonly Histogram<double> _dispatchLag;

    /// <param name="factory">From the host.</param>
    public EngineMetrics(IMeterFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        var meter = factory.Create(Name);
        _submissions = meter.CreateCounter<long>("messaging.submissions", "{request}", "Requests under an idempotency key, by outcome.");
        _deliveries = meter.CreateCounter<long>("messaging.inbox.deliveries", "{message}", "Deliveries settled, by operation and outcome.");
        _dispatched = meter.CreateCounter<long>("messaging.outgoing.dispatched", "{message}", "Messages confirmed by the broker.");
        _unrouted = meter.CreateCounter<long>("messaging.outgoing.unrouted", "{message}", "Messages that the broker returned because no queue takes them.");
        _republished = meter.CreateCounter<long>("messaging.reconcile.republished", "{message}", "Submissions published again, because they had no outcome.");
        _forgotten = meter.CreateCounter<long>("messaging.retention.forgotten", "{row}", "Rows deleted because their key was older than the horizon and settled, by table.");
        _oldestRemembered = meter.CreateGauge<double>("messaging.retention.oldest", "s", "Age of the oldest submission that is remembered, after each pass of retention.");
        _dispatchLag = meter.CreateHistogram<double>("messaging.outgoing.lag", "s", "From acceptance to the broker's confirm.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] });
    }

    internal static ActivitySource Traces { get; } = new(Name);

    internal void Submitted(SubmissionOutcome outcome) => _submissions.Add(1, new KeyValuePair<string, object?>("outcome", Word(outcome)));

    internal void Settled(string operation, string outcome) =>
        _deliveries.Add(1, new KeyValuePair<string, object?>("operation", operation), new KeyValuePair<string, object?>("outcome", outcome));

    internal void Dispatched(TimeSpan lag)
    {
        _dispatched.Add(1);
        _dispatchLag.Record(lag.TotalSeconds);
    }

    internal void Unrouted(Destination destination) => _unrouted.Add(1, new KeyValuePair<string, object?>("destination", destination.Address));

    internal void Republished(long count) => _republished.Add(count);

    internal void Forgotten(string table, long rows) => _forgotten.Add(rows, new KeyValuePair<string, object?>("table", table));

    internal void OldestRemembered(TimeSpan age) => _oldestRemembered.Record(age.TotalSeconds);

    private static string Word(SubmissionOutcome outcome) => outcome switch
    {
        SubmissionOutcome.Accepted => "accepted",
        SubmissionOutcome.Replayed => "replayed",
        SubmissionOutcome.KeyReused => "key-reused",
        _ => "in-flight",
    };
}
