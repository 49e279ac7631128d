using System.Diagnostics.Metrics;
using Messaging.Transactional;

namespace Messaging.Publisher;

/// <summary>What the front measures, beside the engine's own. No key and no client is a label: both would grow without bound, and keys are nobody's business.</summary>
internal sealed class FrontMetrics
{
    private const string MeterName = "Messaging.Publisher";

    private readonly UpDownCounter<long> _waiting;
    private readonly Counter<long> _looks;
    private readonly Gauge<long> _outgoingRows;
    private readonly Gauge<double> _oldestOutgoing;

    public FrontMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _waiting = meter.CreateUpDownCounter<long>("messaging.waiting", "{caller}", "Callers who wait for an outcome now.");
        _looks = meter.CreateCounter<long>("messaging.waiting.looks", "{query}", "Queries for outcomes, each on behalf of all who wait.");
        _outgoingRows = meter.CreateGauge<long>("messaging.outgoing.rows", "{message}", "Messages that wait for the broker's confirm.");
        _oldestOutgoing = meter.CreateGauge<double>("messaging.outgoing.oldest", "s", "Age of the oldest message that waits for the broker's confirm; 0 when none does.");
    }

    public void Waiting(int change) => _waiting.Add(change);

    public void Looked() => _looks.Add(1);

    public void Outgoing(OutgoingBacklog backlog, DateTimeOffset now)
    {
        _outgoingRows.Record(backlog.Rows);
        _oldestOutgoing.Record(backlog.OldestAcceptedAt is { } oldest ? Math.Max(0, (now - oldest).TotalSeconds) : 0);
    }
}
