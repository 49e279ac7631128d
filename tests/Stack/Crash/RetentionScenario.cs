using System.Globalization;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// R1 and R2: keys that took effect long ago are being forgotten. Both rows of a key go together or not at all, also when nobody was
/// there to end it; the effects stay as they were. (A redelivery at that moment is RetentionRaceContract's.)
/// </summary>
internal sealed class RetentionScenario(CrashCell cell, CrashLane lane)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly IReadOnlyList<Request> _requests = cell.NextRequests();

    private string Ours => $"idempotency_key IN ({string.Join(", ", _requests.Select(r => $"'{r.Key}'"))})";

    public async Task RunAsync()
    {
        await using (var service = await HostedService.StartAsync(lane.Build))
        {
            await new Caller(service.Http, new Journal()).SubmitAsync(_requests);
            await Eventually.Equal(_requests.Count, () => lane.CountAsync($"inbox WHERE status IS NOT NULL AND {Ours}"), Limit);
            await Eventually.Equal(0L, () => lane.CountAsync("outgoing_messages"), Limit);
        }

        await lane.ExecuteAsync($"UPDATE submissions SET accepted_at_ms = 1000 WHERE {Ours}");
        await lane.ExecuteAsync($"UPDATE inbox SET accepted_at_ms = 1000, claimed_at_ms = 1000, completed_at_ms = 1000 WHERE {Ours}");
        await (cell.Fault == Fault.Kill ? KillAsync() : StrikeAsync());

        await using (await HostedService.StartAsync(lane.Build))
        {
            await Eventually.Equal(0L, () => lane.CountAsync($"inbox WHERE {Ours}"), Limit);
        }

        await MustBePairedAsync();
        Assert.Equal(_requests.Count, await lane.CountAsync($"orders WHERE {Ours}"));
        // The checker looks for the claims of effects; these are forgotten, and so are the effects now.
        await lane.ExecuteAsync($"DELETE FROM orders WHERE {Ours}");
    }

    private async Task KillAsync()
    {
        await using var process = ServiceProcess.Start(lane.ProcessFor(cell));
        Assert.Equal(128 + 9, await process.WaitForExitAsync(Limit));
        await MustBePairedAsync();
        Assert.Equal(_requests.Count, await lane.CountAsync($"inbox WHERE {Ours}"));
    }

    private async Task StrikeAsync()
    {
        using var hangUp = new CancellationTokenSource();
        await using var service = new HostedService(lane.Build);
        var path = new Transactional.CrashPath(cell.Path, () => CrashScenario.Strike(cell, lane, service, hangUp));
        await service.StartAsync(path);
        await Eventually.True(() => path.HasStruck, Limit, $"{cell.Path} to be reached");
        await MustBePairedAsync();
    }

    private async Task MustBePairedAsync()
    {
        var unpaired = await lane.CountAsync(string.Create(CultureInfo.InvariantCulture, $"""
            (SELECT COALESCE(s.key_digest, i.key_digest) AS k FROM (SELECT key_digest FROM submissions WHERE {Ours}) s
             FULL JOIN (SELECT key_digest FROM inbox WHERE {Ours}) i ON i.key_digest = s.key_digest WHERE s.key_digest IS NULL OR i.key_digest IS NULL) AS unpaired
            """));
        Assert.Equal(0, unpaired);
    }
}
