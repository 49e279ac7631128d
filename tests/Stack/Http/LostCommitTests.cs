using System.Net;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>P3 as a network does it: the publisher lives, its COMMIT is under way, and the connection is gone.</summary>
public sealed class LostCommitTests(PostgresFront front) : IClassFixture<PostgresFront>
{
    [Theory]
    [InlineData(true), InlineData(false)]
    public async Task P3_a_commit_whose_answer_is_lost_is_answered_503_and_then_by_its_key(bool commitArrives)
    {
        await using var cutter = new CommitCutter(front.ConnectionString, "INSERT INTO submissions") { Where = commitArrives ? Cut.AfterServer : Cut.BeforeServer };
        await using var publisher = await front.StartAnotherAsync(("ConnectionStrings__Orders", cutter.ConnectionString));
        var key = Front.NewKey();

        cutter.CutNext(1);
        (await CrashPointTests.OrderAsync(publisher, key)).MustBe(HttpStatusCode.ServiceUnavailable, "unavailable");

        var answer = await Eventually.Satisfies(() => CrashPointTests.OrderAsync(publisher, key), a => a.Status == HttpStatusCode.Accepted);
        Assert.Equal(commitArrives ? "true" : "", answer["Idempotent-Replayed"]);
        Assert.Equal(1, await front.CountAsync("submissions", $"idempotency_key = '{key}'"));
        Assert.Equal(1, await front.CountAsync("outgoing_messages", $"idempotency_key = '{key}'"));
    }
}
