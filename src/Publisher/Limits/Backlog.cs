using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// Measures what waits for the broker, for the metrics and for back-pressure. While nothing can be measured the last measure
/// counts: the database is then away, and submissions are refused for that.
/// </summary>
internal sealed partial class Backlog(
    Submissions submissions, IOptions<LimitsOptions> limits, FrontMetrics metrics, TimeProvider clock, ILogger<Backlog> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>Counting reads every row that waits: during a long outage of the broker it must not become the database's main work.</summary>
    private const int PausesPerMeasure = 20;

    private long _rows;

    public bool IsTooLong => Volatile.Read(ref _rows) > limits.Value.MaxOutgoingRows;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var startedAt = clock.GetTimestamp();
            try
            {
                var backlog = await submissions.MeasureBacklogAsync(stoppingToken);
                Volatile.Write(ref _rows, backlog.Rows);
                metrics.Outgoing(backlog, clock.GetUtcNow());
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever fails here must not end the service that accepts.
                LogUnmeasured(failure);
            }

            await Task.Delay(PauseAfter(clock.GetElapsedTime(startedAt)), clock, stoppingToken);
        }
    }

    /// <summary>Two seconds; longer, where measuring took long.</summary>
    internal static TimeSpan PauseAfter(TimeSpan measuring) => measuring * PausesPerMeasure > Interval ? measuring * PausesPerMeasure : Interval;

    [LoggerMessage(Level = LogLevel.Warning, Message = "What waits for the broker cannot be measured now.")]
    private partial void LogUnmeasured(Exception failure);
}
