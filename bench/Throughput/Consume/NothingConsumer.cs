using MassTransit;
using Messaging.Contracts;

namespace Messaging.Throughput;

/// <summary>What MassTransit itself costs: its consume pipe and one acknowledgement each, with a consumer that does nothing.</summary>
internal static class NothingConsumer
{
    /// <summary>As ours and the raw limit.</summary>
    private const int Prefetch = 2_000;

    public static async Task<double> RunAsync(Assignment work)
    {
        var progress = new Progress(work.Total);
        await MassTransitHost.RunAsync(work, progress.Finished, _ => { }, (endpoint, _) =>
        {
            endpoint.PrefetchCount = Prefetch;
            endpoint.ConcurrentMessageLimit = Prefetch;
            endpoint.Handler<SubmitOrder>(_ =>
            {
                progress.Add(1);
                return Task.CompletedTask;
            });
        });
        return progress.PerSecond;
    }
}
