using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Database;

/// <summary>A commit whose answer is lost may have happened once, never twice (I11). On PostgreSQL, whose protocol names the commit on the wire.</summary>
public sealed class UnknownCommitTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    [Theory]
    [InlineData(Cut.BeforeServer)]
    [InlineData(Cut.AfterServer)]
    public async Task Row02_a_batch_whose_commit_was_cut_takes_effect_once(Cut cut)
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO inbox") { Where = cut };
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Inbox:MaxAttempts", 1));
        await engine.StartAsync();
        cutter.CutNext(3);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}"))));

        Assert.Equal(3, cutter.Done);
        Assert.Equal(20, await Tables.CountAsync("orders"));
        Assert.Equal(20, await Tables.CountAsync("inbox"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(Cut.BeforeServer, SubmissionOutcome.Accepted)]
    [InlineData(Cut.AfterServer, SubmissionOutcome.Replayed)]
    public async Task Row02_a_caller_whose_commit_was_cut_asks_again_with_its_key(Cut cut, SubmissionOutcome second)
    {
        await using var cutter = new CommitCutter(ConnectionString, "INSERT INTO submissions") { Where = cut };
        await using var engine = new Engine(Provider, cutter.ConnectionString, s => s.With("Dispatch:PollIntervalMilliseconds", 60_000));
        await engine.StartAsync();
        cutter.CutNext(1);

        await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled));
        var again = await engine.Submissions.SubmitAsync(Message.Submission("k"), Cancelled);

        Assert.Equal(second, again.Outcome);
        Assert.Equal(1, await Tables.CountAsync("submissions"));
        Assert.Single((await Tables.RowsAsync("SELECT id FROM outgoing_messages")).ConvertAll(r => (Guid)r[0]!).Union(engine.Broker.Sent.Select(m => m.Id)));
    }

    [Fact]
    public async Task Row08_a_backend_that_is_killed_in_the_middle_of_a_handler_costs_an_attempt_of_nobody()
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1).Script.On("killer", async (run, database) =>
        {
            if (run <= 4)
            {
                await database.Database.ExecuteSqlAsync($"SELECT pg_terminate_backend(pg_backend_pid())");
            }
        }));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("a", "good"), Message.OfProbe("k", "killer"), Message.OfProbe("b", "good"));

        Assert.Equal(5, engine.Script.Runs("killer"));
        Assert.Equal(3, await Tables.CountAsync("orders", "item <> 'plug'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }
}
