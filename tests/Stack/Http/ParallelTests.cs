using System.Net;
using System.Text;

namespace Messaging.Stack;

public sealed class ParallelOnSqlite(SqliteFront front) : ParallelTests(front), IClassFixture<SqliteFront>;

public sealed class ParallelOnPostgreSql(PostgresFront front) : ParallelTests(front), IClassFixture<PostgresFront>;

public abstract class ParallelTests(Front front)
{
    [Fact]
    public async Task P5_Row23_a_hundred_identical_requests_on_each_of_200_keys_are_200_orders()
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 100 }) { BaseAddress = front.Address };
        var stem = Front.NewKey("parallel");
        var answers = await Task.WhenAll(
            from key in Enumerable.Range(0, 200)
            from _ in Enumerable.Range(0, 100)
            select SubmitAsync(http, $"{stem}-{key}", quantity: key + 1));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Answer.Status));
        var byKey = answers.GroupBy(answer => answer.Key, answer => answer.Answer.Body).ToDictionary(group => group.Key, group => group.Distinct().Single());
        Assert.Equal((200, 200), (byKey.Count, byKey.Values.Distinct().Count()));
        Assert.Equal((200L, 200L), (await front.CountAsync("submissions", $"idempotency_key LIKE '{stem}-%'"), await front.CountAsync("outgoing_messages", $"idempotency_key LIKE '{stem}-%'")));
    }

    private static async Task<(string Key, Answer Answer)> SubmitAsync(HttpClient http, string key, int quantity)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent($$"""{"item":"book","quantity":{{quantity}}}""", Encoding.UTF8, "application/json") };
        request.Headers.Add("Authorization", $"Bearer {Front.Shop}");
        request.Headers.Add("Idempotency-Key", key);
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return (key, await Answer.ReadAsync(response));
    }
}
