using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The network ends in the middle of a frame, of a statement, of a confirm: anywhere.</summary>
public sealed class ByteOffsetTests(SharedServers servers)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static readonly Dictionary<string, string?> Settings = new() { ["Dispatch__LeaseMilliseconds"] = "1000", ["Dispatch__PollIntervalMilliseconds"] = "100" };

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
            foreach (var offset in Offsets(count: 8))
            {
                proxy.CutAfter(flow, offset);
                await caller.SubmitAsync([Request.Order($"o{offset}", 1 + (offset % 7)), Request.Payment($"p{offset}", 1 + (offset % 7))]);
                await Eventually.True(lane.IsSettledAsync, Limit);
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"{proxy.Cuts - before} cuts");
            Assert.InRange(proxy.Cuts - before, 6, 8);
            // Behind the last cut the broker hands out again what it lost the acknowledgement of.
            await lane.DrainedAsync(Limit);
        }

        Assert.Empty(await lane.JudgeAsync());
    }

    [Fact]
    public async Task Row02_a_message_whose_confirm_is_cut_at_any_byte_stays_pending_and_is_published_again()
    {
        ConfirmCutter? cutter = null;
        await using var deployment = await Deployment.StartAsync(
            await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, Settings, address: host => (cutter = new ConfirmCutter(host.Uri)).Address.ToString());
        await using var proxy = cutter!;
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);

        for (var bytes = 0; bytes < ConfirmCutter.ConfirmSize; bytes++)
        {
            var before = (await deployment.Host.CountAsync(SubmitOrder.Queue)).Messages;
            proxy.CutNext(bytes);
            await caller.SubmitAsync(Request.Order($"confirm-{bytes}"));
            await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);

            Assert.Equal(bytes + 1, proxy.Done);
            // The broker has it twice: nobody took it for sent before its second confirm.
            await Eventually.True(async () => (await deployment.Host.CountAsync(SubmitOrder.Queue)).Messages >= before + 2, Limit, $"a second message after {bytes} bytes of a confirm");
        }

        await deployment.AddConsumerAsync();
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>From the first byte to beyond one round of work, closer together at the beginning.</summary>
    private static IEnumerable<int> Offsets(int count) => Enumerable.Range(0, count).Select(i => (i * i * 40) + i);
}
