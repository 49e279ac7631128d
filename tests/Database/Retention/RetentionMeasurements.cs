using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>What one engine's retention measures.</summary>
internal sealed class RetentionMeasurements : IDisposable
{
    private readonly MeterListener _listener = new();

    private readonly ConcurrentQueue<(string Table, long Rows)> _forgotten = [];

    private double _oldestSeconds = double.NaN;

    public RetentionMeasurements(Engine engine)
    {
        var factory = engine.Services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == EngineMetrics.Name && instrument.Meter.Scope == factory && instrument.Name.StartsWith("messaging.retention.", StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, rows, tags, _) => _forgotten.Enqueue(((string)tags[0].Value!, rows)));
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) => _oldestSeconds = seconds);
        _listener.Start();
    }

    public double OldestSeconds => _oldestSeconds;

    /// <summary>Bite by bite.</summary>
    public IEnumerable<long> Forgotten(string table) => _forgotten.Where(f => f.Table == table && f.Rows > 0).Select(f => f.Rows);

    public void Dispose() => _listener.Dispose();
}
