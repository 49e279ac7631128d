namespace Messaging.Throughput;

/// <summary>Publishing with confirms and nothing else, the same messages in the same envelope.</summary>
internal static class RawPublisher
{
    public static async Task<double> RunAsync(Assignment work)
    {
        var progress = new Progress(work.Total);
        var messages = Enumerable.Range(0, work.Total).Select(n => Orders.Order(n, work.Queue)).ToList();
        await Broker.PublishAsync(work.Broker, work.Queue, messages, progress.Add);
        await progress.Finished;
        return progress.PerSecond;
    }
}
