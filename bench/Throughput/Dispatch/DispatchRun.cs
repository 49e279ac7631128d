namespace Messaging.Throughput;

/// <summary>Messages go to the broker; afterwards the queue holds every one of them once and nothing else, and no row waits.</summary>
internal sealed class DispatchRun(Arena arena)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>A broker confirms up to a thousand at a time: fewer messages give no time to measure.</summary>
    private int LeastMessages => arena.Options.Quick ? 4_000 : 10_000;

    public async Task RunAsync(string contender, string type, string queue)
    {
        await using var ground = await arena.PrepareAsync(queue, Math.Max(LeastMessages, arena.Options.Messages / 2));
        var perSecond = await arena.RunAsync(contender, ground.Work);
        await ground.RequireAsync(0, "SELECT count(*) FROM outgoing_messages");
        var sent = Enumerable.Range(0, ground.Work.Total).Select(n => Orders.IdOf(n).ToString()).ToList();
        await ground.RequireMessagesAsync(queue, sent, message => message.BasicProperties.MessageId, Limit);
        arena.Report.Add($"{contender} {type}", "messages/s", perSecond);
    }
}
