using System.Net;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The database's disk is full: to the callers that is an outage like any other, and to the broker's messages too.</summary>
public sealed class DiskFullTests(SharedServers servers)
{
    private const int DiskMegabytes = 128;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Row08_disk_full_refuses_callers_keeps_messages_and_loses_nothing()
    {
        await using var postgres = await SharedServers.OwnPostgresOnSmallDiskAsync(DiskMegabytes);
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), postgres);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(BrokerFaultTests.Requests("before", 40));
        await deployment.DrainedAsync(Limit);

        await using var filler = await DiskFiller.FillAsync(deployment.ConnectionString);
        var accepted = await SubmitUntilRefusedAsync(deployment, caller, "full");
        var foreign = Enumerable.Range(1, 400).Select(i => Request.Order($"foreign-{i}", i)).ToList();
        await deployment.PublishAsync("orders", foreign.Select(r =>
            (System.Text.Encoding.UTF8.GetBytes(r.Json), new Dictionary<string, object?> { ["Idempotency-Key"] = r.Key }, (string?)null)));
        foreign.ForEach(r => journal.Confirmed(r));

        // What the broker no longer has is committed: on a full disk, not one acknowledgement too many.
        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Ready: 0, Unacknowledged: > 0 }, Limit);
        var held = await deployment.Host.QueueAsync("orders");
        var effects = await deployment.CountAsync("SELECT count(*) FROM inbox WHERE idempotency_key LIKE 'foreign-%'");
        Assert.InRange(held!.Value.Unacknowledged, foreign.Count - effects, foreign.Count + accepted);
        accepted += await SubmitUntilRefusedAsync(deployment, caller, "still-full");

        await filler.DisposeAsync();
        await caller.SubmitAsync(BrokerFaultTests.Requests("refused", 40));
        await Eventually.Equal(0, async () => (await deployment.JudgeAsync(journal)).Count, Limit);
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"full: {accepted} more accepted, then 503; {held.Value.Unacknowledged} held by the consumers, {effects} of {foreign.Count} committed; freed: {await deployment.CountAsync("SELECT count(*) FROM inbox")} keys, 0 violations");
    }

    /// <summary>Pages that were there before may take a few more rows. Returns how many were accepted before one was refused for good reason.</summary>
    private static async Task<int> SubmitUntilRefusedAsync(Deployment deployment, Caller caller, string purpose)
    {
        for (var i = 1; i <= 5000; i++)
        {
            var request = Request.Order($"{purpose}-{i}", i);
            if (await caller.TryAsync(request))
            {
                continue;
            }

            using var refused = await deployment.SubmitAsync(request.Path, request.Key, request.Json);
            if (refused.StatusCode == HttpStatusCode.Accepted)
            {
                // There was room for one more after all; the journal learns it from the replay, if that is answered.
                await caller.TryAsync(request);
                continue;
            }

            var body = await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(refused.StatusCode == HttpStatusCode.ServiceUnavailable, $"{(int)refused.StatusCode} {body}");
            Assert.Contains("/problems/unavailable", body, StringComparison.Ordinal);
            Assert.NotNull(refused.Headers.RetryAfter);
            return i - 1;
        }

        throw new InvalidOperationException("Five thousand orders were accepted on a full disk.");
    }
}
