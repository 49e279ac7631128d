using System.Diagnostics;
using System.Globalization;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Throughput;

/// <summary>
/// Two of our consumers, as they are deployed, with a long queue in front of them and a large inbox behind, of which retention forgets a part
/// meanwhile: what memory they take while they drain the queue, and how fast they do.
/// </summary>
internal sealed class BacklogRun(Arena arena)
{
    private const int Consumers = 2;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    private int Messages => arena.Options.Backlog;

    public async Task RunAsync()
    {
        await using var ground = await arena.PrepareAsync(SubmitOrder.Queue, Messages);
        await LargeInbox.FillAsync(ground, arena.Options.InboxRows);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  publishing {Messages:#,0} messages"));
        await Broker.PublishAsync(ground.Work.Broker, SubmitOrder.Queue, Orders.Deliveries(Messages, SubmitOrder.Queue));
        var settings = ground.Work.ToEnvironment();
        settings["Inbox__Way"] = nameof(ReceiveWay.Direct);
        settings["Orders__SetBased"] = "true";
        settings["Orders__PublishEvents"] = "false";
        settings["Retention__IntervalSeconds"] = "1";
        var services = new List<ServiceProcess>();
        try
        {
            for (var i = 0; i < Consumers; i++)
            {
                services.Add(ServiceProcess.Start(new ServiceOptions("Consumer", settings)));
            }

            await Task.WhenAll(services.Select(s => s.WaitUntilReadyAsync()));
            var rowsBefore = await ground.CountAsync(LargeInbox.Remembered);
            var (left, startedAt) = ((await ground.Host.CountAsync(SubmitOrder.Queue)).Messages, Stopwatch.GetTimestamp());
            var samples = await SampleAsync(ground, services);
            arena.Report.Add("backlog, two consumers", "deliveries/s", left / Stopwatch.GetElapsedTime(startedAt).TotalSeconds);
            arena.Report.Add("backlog, rows forgotten meanwhile", "rows", rowsBefore - await ground.CountAsync(LargeInbox.Remembered));
            await ground.RequireExactlyOnceAsync(Orders.Keys(Orders.UniqueOf(Messages)));
            arena.Report.Add("backlog memory, most", "MB", samples.Max());
            // The first quarter opens connections and compiles; what grows after it goes on growing.
            arena.Report.Add("backlog memory, early", "MB", Median(samples[(samples.Count / 4)..((samples.Count + 1) / 2)]));
            arena.Report.Add("backlog memory, late", "MB", Median(samples[(3 * samples.Count / 4)..]));
        }
        finally
        {
            foreach (var service in services)
            {
                await service.DisposeAsync();
            }
        }
    }

    /// <summary>
    /// The resident memory of the larger consumer, each half second until the queue is empty. A quick session judges nothing: there one sample,
    /// which there always is, shows that it runs.
    /// </summary>
    private async Task<List<double>> SampleAsync(Ground ground, List<ServiceProcess> services)
    {
        var samples = new List<double>();
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        do
        {
            samples.Add(services.Max(s => ResidentMegaBytes(s.Id)));
            await timer.WaitForNextTickAsync(limit.Token);
        }
        while (await ground.Host.QueueAsync(SubmitOrder.Queue) is not { IsDrained: true });

        return samples.Count >= (arena.Options.Quick ? 1 : 8) ? samples : throw new InvalidOperationException($"Only {samples.Count} samples: the backlog is too short to say anything of memory.");
    }

    private static double ResidentMegaBytes(int process)
    {
        using var running = Process.GetProcessById(process);
        return running.WorkingSet64 / 1024.0 / 1024.0;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
