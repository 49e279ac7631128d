using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Stack;

/// <summary>
/// A verifier needs a verifier. Each scenario runs twice: with the guarantee as it is, and with it broken; the checker must find
/// nothing, and then at least the invariants named. What is broken is replaced from here; the product has no switch for it.
/// </summary>
public sealed class ControlTests(SharedServers servers)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(false), InlineData(true, "I2")]
    public async Task Claim_off_is_caught(bool broken, params string[] by)
    {
        await using var lane = await ServerLane.CreateAsync(servers, DatabaseProvider.PostgreSql);
        if (broken)
        {
            // Whoever claims a key finds it free.
            await lane.ExecuteAsync("""
                CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM inbox WHERE key_digest = NEW.key_digest; RETURN NEW; END $$;
                CREATE TRIGGER forget BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION forget()
                """);
        }

        await using (var service = await HostedService.StartAsync(lane.Build))
        {
            var request = Request.Payment("k", 5);
            await new Caller(service.Http, lane.Journal).SubmitAsync(request);
            await Eventually.True(lane.IsSettledAsync, Limit);
            await lane.RedeliverAsync([request], "anonymous");
            await Eventually.Satisfies(() => lane.CountAsync("ledger"), n => n == (broken ? 2 : 1), Limit);
            await lane.TakenAsync(Limit);
        }

        await MustFindAsync(lane, broken, by);
    }

    [Theory]
    [InlineData(false), InlineData(true, "I1", "I6")]
    public async Task An_acknowledgement_before_the_commit_is_caught(bool broken, params string[] by)
    {
        await using var lane = await ServerLane.CreateAsync(servers, DatabaseProvider.PostgreSql, broken ? AcknowledgeEarly : null);
        await using (var service = new HostedService(lane.Build))
        {
            await service.StartAsync(new CrashPath("C4", () => Die(lane, service, broken)));
            var (life, caller) = (service.Services, new Caller(service.Http, lane.Journal));
            await caller.SubmitAsync(Request.Order("k1"));
            // In its next life nothing strikes, and only what comes from now on, or came back, is there to be taken.
            await Eventually.True(() => service.Services != life, Limit);
            await caller.SubmitAsync(Enumerable.Range(2, 4).Select(i => Request.Order($"k{i}", i)));
            await Eventually.Equal(broken ? 4L : 5L, () => lane.CountAsync("orders"), Limit);
            await lane.DrainedAsync(Limit);
        }

        await MustFindAsync(lane, broken, by);
    }

    [Theory]
    [InlineData(false), InlineData(true, "I2")]
    public async Task A_claim_that_looks_first_and_then_inserts_is_caught(bool broken, params string[] by)
    {
        await using var lane = await ServerLane.CreateAsync(servers, DatabaseProvider.PostgreSql);
        // Two services meet between claim and commit, if both get there. Where the index decides, the second waits in its claim.
        using var meeting = new Barrier(2);
        await using (var first = await StartAsync(lane, broken, meeting))
        {
            await using var second = await StartAsync(lane, broken, meeting);
            // Both must listen: one alone would take all forty, and one that starts without the index refuses to.
            await Eventually.Equal(2u, () => lane.ConsumersAsync(SubmitOrder.Queue), Limit);
            if (broken)
            {
                await lane.ExecuteAsync("ALTER TABLE inbox DROP CONSTRAINT \"PK_inbox\"");
            }

            // An order, not a payment: two first payments of a client meet at the primary key of its balance, which lets only one through.
            var request = Request.Order("k", 5);
            await lane.PublishAsync(Enumerable.Repeat(request, 40), "acme");
            await Eventually.Satisfies(() => lane.CountAsync("orders"), n => n >= (broken ? 2 : 1), Limit);
            // Broken, some never come back from where the two met.
            await (broken ? lane.TakenAsync(Limit) : lane.DrainedAsync(Limit));
        }

        await MustFindAsync(lane, broken, by);
    }

    [Theory]
    [InlineData(false), InlineData(true, "I1", "I6")]
    public async Task An_outgoing_row_deleted_before_the_confirm_is_caught(bool broken, params string[] by)
    {
        await using var lane = await ServerLane.CreateAsync(servers, DatabaseProvider.PostgreSql, broken ? DeleteEarly : null);
        await using (var service = await HostedService.StartAsync(lane.Build))
        {
            await Eventually.Succeeds(lane.QueuedAsync, Limit);
            lane.ToBroker.Swallows = true;
            await new Caller(service.Http, lane.Journal).SubmitAsync([Request.Order("a"), Request.Order("b", 2)]);
            await Eventually.Equal(broken ? 0L : 2L, () => lane.CountAsync("outgoing_messages"), Limit);
            lane.ToBroker.Swallows = false;
            lane.CutBroker();
            await Eventually.Equal(0L, () => lane.CountAsync("outgoing_messages"), Limit);
            await Eventually.Equal(broken ? 0L : 2L, () => lane.CountAsync("inbox"), Limit);
        }

        await MustFindAsync(lane, broken, by);
    }

    private static async Task MustFindAsync(ServerLane lane, bool broken, string[] expected)
    {
        var violations = await lane.JudgeAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(broken ? "caught: " + string.Join("; ", violations) : "as it is: nothing found");
        var found = violations.Select(v => v.Invariant).ToHashSet();
        Assert.True(broken ? found.IsSupersetOf(expected) : found.Count == 0, $"expected {string.Join(", ", expected)}, found: {string.Join("; ", violations)}");
    }

    private static async Task<HostedService> StartAsync(ServerLane lane, bool broken, Barrier meeting)
    {
        var service = new HostedService(url =>
        {
            var app = lane.Build(url);
            if (broken)
            {
                ExistsThenInsert.BreakInto(app.Services.GetRequiredService<Transactional.Database>());
            }

            return app;
        });
        await service.StartAsync(new CrashPath("C2", () => meeting.SignalAndWait(TimeSpan.FromSeconds(broken ? 30 : 4))));
        return service;
    }

    /// <summary>
    /// The end of a process between the handler and the commit: its transaction is rolled back. Where acknowledgements come early, it ends
    /// once the broker has this one, and has nothing left to hand out again.
    /// </summary>
    private static void Die(ServerLane lane, HostedService service, bool acknowledged)
    {
        if (acknowledged)
        {
            lane.DrainedAsync(Limit).GetAwaiter().GetResult();
        }

        service.TellToStop();
        throw new OperationCanceledException("The process ends before its commit.");
    }

    private static void AcknowledgeEarly(IServiceCollection services)
    {
        foreach (var registered in services.Where(s => s.ServiceType == typeof(IInbox)).ToList())
        {
            services.Remove(registered);
            services.AddSingleton<IInbox>(s => new EagerInbox((IInbox)registered.ImplementationFactory!(s)));
        }
    }

    private static void DeleteEarly(IServiceCollection services) =>
        services.AddSingleton<ITransport>(s => new EagerTransport(s.GetRequiredService<RabbitMqTransport>()));
}
