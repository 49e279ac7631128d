namespace Messaging.Throughput;

/// <summary>
/// The set-based contender again, on an inbox that has remembered millions of keys, and once more while retention forgets some of them.
/// The rows are made once a session; each drain brings keys of its own. In all else it finds what it would find elsewhere: a virtual host of its
/// own, since a queue that was drained many times costs RabbitMQ the clearing of its log, and no orders yet.
/// </summary>
internal sealed class ScaleRun(Arena arena) : IAsyncDisposable
{
    /// <summary>Drains differ by a tenth, as much as what is asked for: several a round.</summary>
    private const int JudgedDrains = 2;

    private Ground? _ground;
    private int _runs;

    public async Task FillAsync()
    {
        _ground = await arena.PrepareAsync(Broker.Quorum, arena.Options.Messages);
        await LargeInbox.FillAsync(_ground, arena.Options.InboxRows);
    }

    /// <summary>
    /// The same several times: right after a checkpoint, when PostgreSQL writes each page of the index to its log whole the first time it is touched
    /// (most of them in the first drain, most of the others in the second), and then as it goes on. The later ones are judged: a busy system has touched
    /// its pages in the first seconds of the fifteen minutes between two checkpoints. What none has is a checkpoint that writes pages to the disk meanwhile.
    /// </summary>
    /// <param name="contender">Its name; one that forgets has retention at work meanwhile.</param>
    public async Task RunAsync(string contender)
    {
        if (_ground is null)
        {
            // Only some runs were asked for.
            await FillAsync();
        }

        var ground = _ground!;
        if (!arena.Options.Quick)
        {
            // A quick session's few old keys would be forgotten in it.
            await LargeInbox.CheckpointAsync(ground);
            await DrainAsync(ground, contender, $"{contender} large inbox after a checkpoint");
            await DrainAsync(ground, contender, $"{contender} large inbox, the second after it");
        }

        var rowsBefore = await ground.CountAsync(LargeInbox.Remembered);
        for (var drain = 0; drain < (arena.Options.Quick ? 1 : JudgedDrains); drain++)
        {
            await DrainAsync(ground, contender, $"{contender} large inbox");
        }

        if (contender.Contains("forgetting", StringComparison.Ordinal))
        {
            var forgotten = rowsBefore - await ground.CountAsync(LargeInbox.Remembered);
            if (forgotten == 0)
            {
                throw new InvalidOperationException("Retention was to be at work meanwhile, and forgot nothing.");
            }

            arena.Report.Add("rows forgotten meanwhile", "rows", forgotten);
        }
    }

    private async Task DrainAsync(Ground inbox, string contender, string name)
    {
        await inbox.ExecuteAsync("TRUNCATE orders");
        await using var ground = await arena.PrepareOnAsync(inbox);
        var keys = Orders.UniqueOf(ground.Work.Total);
        var first = _runs++ * keys;
        await Broker.PublishAsync(ground.Work.Broker, ground.Work.Queue, Orders.Deliveries(ground.Work.Total, ground.Work.Queue, first));
        var startedAt = TimeProvider.System.GetUtcNow();
        var perSecond = await arena.RunAsync(contender, ground.Work);
        await ground.RequireQueuedAsync(ground.Work.Queue, 0);
        await ground.RequireExactlyOnceAsync(Orders.Keys(keys, first), startedAt);
        arena.Report.Add(name, "deliveries/s", perSecond);
    }

    public async ValueTask DisposeAsync()
    {
        if (_ground is not null)
        {
            await _ground.DisposeAsync();
        }
    }
}
