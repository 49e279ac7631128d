using System.Net;
using System.Net.Sockets;
using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

public sealed class CrashPointsOnSqlite(SqliteFront front) : CrashPointTests(front), IClassFixture<SqliteFront>
{
    /// <summary>On PostgreSQL the commit travels with the insert, and there is no such moment.</summary>
    [Fact]
    public Task P9_after_a_crash_between_the_insert_and_the_commit_the_key_is_free() =>
        P9_after_a_crash_of_the_publisher_the_same_key_gets_the_right_answer("P2", isCommitted: false);
}

public sealed class CrashPointsOnPostgreSql(PostgresFront front) : CrashPointTests(front), IClassFixture<PostgresFront>;

/// <summary>A publisher that dies before its commit, after it, or with the answer on its way, and what the same key is answered afterwards; the other points are the crash matrix's.</summary>
public abstract class CrashPointTests(Front front)
{
    private const int KilledBySignal = 128 + 9;

    [Theory]
    [InlineData("P1", false), InlineData("P4", true), InlineData("P5", true)]
    public async Task P9_after_a_crash_of_the_publisher_the_same_key_gets_the_right_answer(string point, bool isCommitted)
    {
        var key = Front.NewKey(point);
        await using (var armed = await front.StartAnotherAsync(("MESSAGING_CRASH_POINT", point)))
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => OrderAsync(armed, key));
            Assert.Equal(KilledBySignal, await armed.WaitForExitAsync(ServiceProcess.ReadyLimit));
        }

        await using var restarted = await front.StartAnotherAsync();
        var answer = (await OrderAsync(restarted, key)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal(isCommitted ? "true" : "", answer["Idempotent-Replayed"]);
        await MustStandForOneOrderAsync(restarted, key, answer);
    }

    [Fact]
    public async Task P5_Row23_a_caller_who_hangs_up_before_the_answer_gets_it_by_the_same_key()
    {
        var key = Front.NewKey();
        using (var caller = new TcpClient { LingerState = new LingerOption(true, 0) })
        {
            await caller.ConnectAsync(IPAddress.Loopback, front.Address.Port, TestContext.Current.CancellationToken);
            var request = $"POST /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {Front.Shop}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n" + """{"item":"book","quantity":1}""";
            await caller.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
            await Eventually.Equal(1L, () => front.CountAsync("submissions", $"idempotency_key = '{key}'"));
        }

        var answer = (await OrderAsync(front.Service, key)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal("true", answer["Idempotent-Replayed"]);
        await MustStandForOneOrderAsync(front.Service, key, answer);
    }

    private async Task MustStandForOneOrderAsync(ServiceProcess publisher, string key, Answer answer)
    {
        var replay = (await OrderAsync(publisher, key)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal((answer.Body, answer["Location"], "true"), (replay.Body, replay["Location"], replay["Idempotent-Replayed"]));
        (await OrderAsync(publisher, key, quantity: 2)).MustBe(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal(1, await front.CountAsync("submissions", $"idempotency_key = '{key}'"));
        Assert.Equal(1, await front.CountAsync("outgoing_messages", $"idempotency_key = '{key}'"));
    }

    internal static async Task<Answer> OrderAsync(ServiceProcess publisher, string key, int quantity = 1)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders")
        {
            Content = new StringContent($$"""{"item":"book","quantity":{{quantity}}}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
        };
        return await Front.SendAsync(publisher, request, Front.Shop, ("Idempotency-Key", key));
    }
}
