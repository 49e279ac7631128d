using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The network ends in the middle of a frame, of a statement, of a confirm: anywhere.</summary>
public sealed class ByteOffsetTests(SharedServers servers)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(true, Flow.ToServer), InlineData(true, Flow.ToClient), InlineData(false, Flow.ToServer), InlineData(false, Flow.ToClient)]
    public async Task Row02_a_connection_cut_after_any_number_of_bytes_leaves_zero_or_one_effect(bool ofBroker, Flow flow)
    {
        await using var lane = await ServerLane.CreateAsync(servers, DatabaseProvider.PostgreSql);
        await using (var service = await HostedService.StartAsync(lane.Build))
        {
            var caller = new Caller(service.Http, lane.Journal);
            var proxy = ofBroker ? lane.ToBroker : lane.ToDatabase;
            var before = proxy.Cuts;
            foreach (var offset in Offsets(count: 12))
            {
                proxy.CutAfter(flow, offset);
                await caller.SubmitAsync([Request.Order($"o{offset}", 1 + (offset % 7)), Request.Payment($"p{offset}", 1 + (offset % 7))]);
                await Eventually.True(lane.IsSettledAsync, Limit);
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"{proxy.Cuts - before} cuts");
            Assert.InRange(proxy.Cuts - before, 10, 12);
        }

        Assert.Empty(await lane.JudgeAsync());
    }

    /// <summary>From the first byte to beyond one round of work, closer together at the beginning.</summary>
    private static IEnumerable<int> Offsets(int count) => Enumerable.Range(0, count).Select(i => (i * i * 17) + i);
}
