using System.Diagnostics.Metrics;
using Messaging.Transactional;

namespace Messaging.Standalone;

/// <summary>Counts what the inbox settles, from the engine's own metric.</summary>
internal sealed class SettledDeliveries : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _count;

    public SettledDeliveries()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument is { Meter.Name: EngineMetrics.Name, Name: "messaging.inbox.deliveries" })
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => Interlocked.Add(ref _count, measurement));
        _listener.Start();
    }

    public long Count => Interlocked.Read(ref _count);

    public void Dispose() => _listener.Dispose();
}
