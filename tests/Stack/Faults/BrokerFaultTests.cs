using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What a broker can do to the messages it has confirmed, or to those who want to publish.</summary>
public sealed class BrokerFaultTests(SharedServers servers, OwnBroker own) : IClassFixture<OwnBroker>
{
    private const int Backlog = 60;
    private const int UnderAlarm = 1_000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>With the reconciler off, this is a control run: the same scenario must be caught.</summary>
    [Theory]
    [InlineData(true), InlineData(false, "I1", "I6")]
    public async Task Row05_the_brokers_data_directory_is_deleted_under_a_backlog(bool reconciles, params string[] caughtBy)
    {
        var broker = await own.TakeAsync();
        var settings = new Dictionary<string, string?> { ["Reconcile__OlderThanSeconds"] = reconciles ? "2" : "86400", ["Reconcile__IntervalSeconds"] = "1" };
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 0, settings);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await caller.SubmitAsync(Requests("lost", Backlog));
        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);

        await broker.LoseDataAsync();
        await broker.StartAsync();
        await deployment.Host.CreateAgainAsync();
        await deployment.AddConsumerAsync();
        await caller.SubmitAsync(Requests("after", 4));

        await Eventually.Equal((reconciles ? Backlog : 0) + 4L, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        var violations = await deployment.JudgeAsync(journal);
        TestContext.Current.TestOutputHelper?.WriteLine($"reconciler {(reconciles ? "on" : "off")}: {violations.Count} violations {string.Join("; ", violations.Take(3))}");
        var found = violations.Select(v => v.Invariant).ToHashSet();
        Assert.True(reconciles ? found.Count == 0 : found.IsSupersetOf(caughtBy), string.Join("; ", violations));
        own.GiveBack();
    }

    [Theory]
    [InlineData("set_vm_memory_high_watermark absolute 1", "set_vm_memory_high_watermark 0.8")]
    [InlineData("set_disk_free_limit 900000GB", "set_disk_free_limit 50MB")]
    public async Task Row06_an_alarm_of_the_broker_stops_no_caller_and_loses_nothing(string alarm, string end)
    {
        var broker = await own.TakeAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1, database: BoundsTests.Named);
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        await broker.ControlAsync(alarm.Split(' '));

        await using (var watch = new BoundsWatch(deployment, deployment.Publisher))
        {
            await caller.SubmitAsync(Requests("alarm", UnderAlarm));
            Assert.Equal(UnderAlarm, await deployment.CountAsync("SELECT count(*) FROM outgoing_messages"));
            // Those of both services.
            watch.MustBeWithin(2 * BoundsTests.MaxConnections, BoundsTests.MaxMegaBytes);
        }

        Assert.All(journal.Entries, e => Assert.Equal(Journal.Answer.Accepted, e.Answer));

        await broker.ControlAsync(end.Split(' '));
        await Eventually.Equal((long)UnderAlarm, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
        own.GiveBack();
    }

    internal static IEnumerable<Request> Requests(string purpose, int count) =>
        Enumerable.Range(1, count).Select(i => new Request(IsPayment: i % 4 == 0, $"{purpose}-{i}", i));
}
