using System.Diagnostics;
using System.Net;
using Messaging.Services;

namespace Messaging.Stack;

public sealed class WaitingOnSqlite(SqliteFront front) : WaitingTests(front), IClassFixture<SqliteFront>;

public sealed class WaitingOnPostgreSql(PostgresFront front) : WaitingTests(front), IClassFixture<PostgresFront>;

/// <summary>Prefer: wait and event streams. Outcomes are stored by the test, so that it knows when.</summary>
public abstract class WaitingTests(Front front)
{
    private const string Book = """{"item":"book","quantity":1}""";

    private static readonly (string, string) Wait = ("Prefer", "wait=20");

    [Fact]
    public async Task P1_a_caller_who_prefers_to_wait_gets_201_with_the_final_status()
    {
        var key = Front.NewKey();
        var waiting = front.PostAsync("api/orders", key, Book, headers: Wait);
        await CompleteAsync(key);
        var answer = (await waiting).MustBe(HttpStatusCode.Created);
        Assert.Equal(("created", "wait=20", $"/api/orders/{answer.Member("order_id")}", key, "no-store"), (answer.Member("status"), answer["Preference-Applied"], answer["Location"], answer["Idempotency-Key"], answer["Cache-Control"]));
        Assert.Equal(answer.Body, (await front.GetAsync(answer["Location"])).Body);
        Assert.Equal("true", (await front.PostAsync("api/orders", key, Book, headers: Wait)).MustBe(HttpStatusCode.Created)["Idempotent-Replayed"]);
        (await front.PostAsync("api/orders", key, Book)).MustBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task A_business_refusal_is_answered_200_to_a_caller_who_waits()
    {
        var key = Front.NewKey();
        var waiting = front.PostAsync("api/orders", key, Book, headers: Wait);
        await CompleteAsync(key, "failed", """{"code":"sold-out","detail":"No."}""");
        var answer = (await waiting).MustBe(HttpStatusCode.OK);
        Assert.Equal(("failed", """{"code":"sold-out","detail":"No."}"""), (answer.Member("status"), answer.Member("error")));
    }

    [Theory]
    [InlineData("wait=0"), InlineData("respond-async, wait=1"), InlineData("WAIT=\"1\"; x=y")]
    public async Task When_the_time_is_up_the_answer_is_the_plain_202(string preference)
    {
        var answer = (await front.PostAsync("api/orders", Front.NewKey(), Book, headers: ("Prefer", preference))).MustBe(HttpStatusCode.Accepted);
        Assert.Equal(("accepted", ""), (answer.Member("status"), answer["Preference-Applied"]));
    }

    [Theory]
    [InlineData("wait"), InlineData("wait="), InlineData("wait=-1"), InlineData("wait=soon"), InlineData("x=\"a,wait=20\""), InlineData("return=minimal"), InlineData(";;,=")]
    public async Task A_preference_that_cannot_be_read_is_ignored(string preference) =>
        (await front.PostAsync("api/orders", Front.NewKey(), Book, headers: ("Prefer", preference))).MustBe(HttpStatusCode.Accepted);

    [Fact]
    public async Task The_status_can_be_waited_for()
    {
        var key = Front.NewKey();
        var accepted = await front.OrderAsync(key);
        var waiting = front.GetAsync(accepted["Location"], headers: Wait);
        await CompleteAsync(key);
        var answer = (await waiting).MustBe(HttpStatusCode.OK);
        Assert.Equal(("created", "wait=20", ""), (answer.Member("status"), answer["Preference-Applied"], answer["Retry-After"]));
        Assert.Equal("accepted", (await front.GetAsync((await front.OrderAsync(Front.NewKey()))["Location"], headers: ("Prefer", "wait=1"))).Member("status"));
    }

    [Fact]
    public async Task The_event_stream_tells_each_change_and_ends_after_the_final_one()
    {
        var key = Front.NewKey();
        var accepted = await front.OrderAsync(key);
        using var request = new HttpRequestMessage(HttpMethod.Get, accepted["Location"].TrimStart('/') + "/events");
        request.Headers.Add("Authorization", $"Bearer {Front.Shop}");
        using var answer = await front.Service.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        using var stream = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("id: accepted", await stream.ReadLineAsync(TestContext.Current.CancellationToken));

        // Only now: whoever looks for the first time when all is done is told the end alone.
        await CompleteAsync(key);
        var rest = await stream.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["id: final"], rest.Split('\n').Where(line => line.StartsWith("id:", StringComparison.Ordinal)));
        Assert.Contains("\"status\":\"created\"", rest, StringComparison.Ordinal);
        Assert.EndsWith("}\n\n", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task S4_a_stream_that_is_opened_again_after_its_end_is_answered_204()
    {
        var key = Front.NewKey();
        var accepted = await front.OrderAsync(key);
        await CompleteAsync(key);
        Assert.Contains("id: final", (await front.GetAsync(accepted["Location"] + "/events", headers: ("Last-Event-ID", "accepted"))).Body, StringComparison.Ordinal);
        Assert.Equal("", (await front.GetAsync(accepted["Location"] + "/events", headers: ("Last-Event-ID", "final"))).MustBe(HttpStatusCode.NoContent).Body);
    }

    [Fact]
    public async Task A_stream_that_its_caller_leaves_is_no_error()
    {
        await using var another = await front.StartAnotherAsync();
        var accepted = await front.OrderAsync(Front.NewKey());
        using var request = new HttpRequestMessage(HttpMethod.Get, accepted["Location"].TrimStart('/') + "/events");
        request.Headers.Add("Authorization", $"Bearer {Front.Shop}");
        using (await another.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken))
        {
            await Eventually.True(async () => await GaugeAsync("messaging_waiting", another) > 0);
        }

        await Eventually.True(async () => await GaugeAsync("messaging_waiting", another) == 0);
        await another.TerminateAsync();
        await Eventually.True(() => another.Output.HasEnded);
        Assert.DoesNotContain("fail: Microsoft.AspNetCore", another.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_publisher_that_is_stopped_answers_those_who_wait_and_is_gone_at_once()
    {
        await using var another = await front.StartAnotherAsync();
        var key = Front.NewKey();
        var waiting = WaitAsync(another.Http, key);
        await Eventually.Equal(1L, () => front.CountAsync("submissions", $"idempotency_key = '{key}'"));
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await another.TerminateAsync());
        Assert.Equal("accepted", (await waiting).MustBe(HttpStatusCode.Accepted).Member("status"));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 15);
    }

    [Fact]
    public async Task A_thousand_who_wait_cost_no_threads_and_hear_of_their_outcome_at_once()
    {
        const int Count = 1000;
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Count }) { BaseAddress = front.Address };
        var item = Front.NewKey("thousand");
        var threadsBefore = ThreadsOf(front.Service.Id);
        var waiting = Enumerable.Range(0, Count).Select(n => WaitAsync(http, $"{item}-{n}")).ToArray();
        await Eventually.True(async () => await GaugeAsync("messaging_waiting") == Count);
        var threadsWaiting = ThreadsOf(front.Service.Id);
        await AssertOneQueryAnIntervalAsync();

        var watch = Stopwatch.StartNew();
        await front.CompleteAsync($"idempotency_key LIKE '{item}-%'");
        var stored = watch.Elapsed;
        var answered = await Task.WhenAll(waiting.Select(async answer =>
        {
            (await answer).MustBe(HttpStatusCode.Created);
            return watch.Elapsed - stored;
        }));

        var median = answered.Order().ElementAt(Count / 2);
        TestContext.Current.TestOutputHelper?.WriteLine($"threads {threadsBefore} -> {threadsWaiting}, median {median.TotalMilliseconds:0} ms, last {answered.Max().TotalMilliseconds:0} ms");
        Assert.InRange(threadsWaiting - threadsBefore, int.MinValue, 39);
        // 250 ms on an idle machine; beside other tests each thread gets its turn the later, the more of them want the same core.
        Assert.InRange(median.TotalMilliseconds, 0, 250 * (1 + (Load() / Environment.ProcessorCount)));
    }

    /// <summary>However many wait. A second's worth of looks, counted by the service itself.</summary>
    private async Task AssertOneQueryAnIntervalAsync()
    {
        const double IntervalSeconds = 0.1;
        const double ScrapeMayBeOldSeconds = 0.3; // The exporter answers again what it answered so long ago.
        var watch = Stopwatch.StartNew();
        var before = await GaugeAsync("messaging_waiting_looks_total");
        var looks = await Eventually.Satisfies(async () => await GaugeAsync("messaging_waiting_looks_total") - before, looks => looks >= 10);
        Assert.InRange(looks, 10, ((watch.Elapsed.TotalSeconds + ScrapeMayBeOldSeconds) / IntervalSeconds) + 1);
    }

    /// <summary>Threads of the whole machine that wanted a core in the last minute, on average.</summary>
    private static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<Answer> WaitAsync(HttpClient http, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent(Book, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };
        request.Headers.Add("Authorization", $"Bearer {Front.Shop}");
        request.Headers.Add("Idempotency-Key", key);
        request.Headers.Add("Prefer", "wait=30");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.ReadAsync(response);
    }

    private async Task CompleteAsync(string key, string status = "created", string result = """{"note":"done"}""")
    {
        await Eventually.Equal(1L, () => front.CountAsync("submissions", $"idempotency_key = '{key}'"));
        await front.CompleteAsync($"idempotency_key = '{key}'", status, result);
    }

    private Task<double> GaugeAsync(string name) => GaugeAsync(name, front.Service);

    private static async Task<double> GaugeAsync(string name, ServiceProcess service)
    {
        var metrics = await service.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        var line = metrics.Split('\n').LastOrDefault(line => line.StartsWith(name + "{", StringComparison.Ordinal)) ?? "x 0";
        return double.Parse(line[(line.LastIndexOf('}') + 2)..].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static int ThreadsOf(int process) => Directory.GetDirectories($"/proc/{process}/task").Length;
}
