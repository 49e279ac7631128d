using System.Globalization;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// R1 and R2: keys that took effect long ago are being forgotten while the broker hands their messages out again. Both rows of a key go
/// together or not at all, also when nobody was there to end it; a message that comes meanwhile is recognised or too late, one that
/// comes afterwards is too late; the effects stay as they were.
/// </summary>
internal sealed class RetentionScenario(CrashCell cell, CrashLane lane)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly IReadOnlyList<Request> _requests = cell.NextRequests();

    private string Ours => $"idempotency_key IN ({string.Join(", ", _requests.Select(r => $"'{r.Key}'"))})";

    public async Task RunAsync()
    {
        await using (var service = await HostedService.StartAsync(url => lane.Build(url, cell)))
        {
            await new Caller(service.Http, lane.Journal).SubmitAsync(_requests);
            await Eventually.True(lane.IsSettledAsync, Limit);
        }

        await lane.ExecuteAsync($"UPDATE submissions SET accepted_at_ms = 1000 WHERE {Ours}");
        await lane.ExecuteAsync($"UPDATE inbox SET accepted_at_ms = 1000, claimed_at_ms = 1000, completed_at_ms = 1000 WHERE {Ours}");
        var redelivery = await Redelivery.OfAsync(lane, Ours);
        await (cell.Fault == Fault.Kill ? KillAsync(redelivery) : StrikeAsync(redelivery));

        await using (var service = await HostedService.StartAsync(url => lane.Build(url, cell)))
        {
            await Eventually.Equal(0L, () => lane.CountAsync($"inbox WHERE {Ours}"), Limit);
            await Eventually.Equal(0L, () => lane.CountAsync("outgoing_messages"), Limit);
            await MustBePairedAsync();
            var before = await JudgedAsync();
            await redelivery.SendAsync(service);
            await Eventually.True(async () => await JudgedAsync() >= before + _requests.Count, Limit, "what came after its key was forgotten to be judged");
        }
    }

    /// <summary>It dies with the redelivery in its hands or before it; whichever it is, the next one meets it too.</summary>
    private async Task KillAsync(Redelivery redelivery)
    {
        await redelivery.LeaveAsync();
        await using var process = ServiceProcess.Start(lane.ProcessFor(cell));
        Assert.Equal(128 + 9, await process.WaitForExitAsync(Limit));
        await MustBePairedAsync();
        Assert.Equal(_requests.Count, await lane.CountAsync($"inbox WHERE {Ours}"));
    }

    /// <summary>The purge's transaction stays open until the consumer has the messages of the very keys that it deletes, and is struck then.</summary>
    private async Task StrikeAsync(Redelivery redelivery)
    {
        using var hangUp = new CancellationTokenSource();
        await using var service = new HostedService(url => lane.Build(url, cell));
        var redelivered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var path = new Transactional.CrashPath(cell.Path, () =>
        {
            var sending = Task.Run(() => redelivery.SendAsync(service));
            Task.WaitAny(sending);
            redelivered.SetFromTask(sending);
            CrashScenario.Strike(cell, lane, service, hangUp);
        });
        await service.StartAsync(path);
        var life = service.Services;
        await redelivered.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        await MustBePairedAsync();
        CrashScenario.MustHaveLived(cell, service, life);
    }

    /// <summary>Parked as too late or, were the promise broken, an effect more, which the checker then names.</summary>
    private async Task<long> JudgedAsync() =>
        await lane.CountAsync($"parked_messages WHERE reason = 'too-late' AND {Ours}") + await lane.CountAsync($"orders WHERE {Ours}");

    private async Task MustBePairedAsync()
    {
        var unpaired = await lane.CountAsync(string.Create(CultureInfo.InvariantCulture, $"""
            (SELECT COALESCE(s.key_digest, i.key_digest) AS k FROM (SELECT key_digest FROM submissions WHERE {Ours}) s
             FULL JOIN (SELECT key_digest FROM inbox WHERE {Ours}) i ON i.key_digest = s.key_digest WHERE s.key_digest IS NULL OR i.key_digest IS NULL) AS unpaired
            """));
        Assert.Equal(0, unpaired);
    }
}
