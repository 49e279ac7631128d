using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What can be read about the service: at the service, and in the repository.</summary>
public sealed partial class DocumentTests(SqliteFront front) : IClassFixture<SqliteFront>
{
    private const string Update = "MESSAGING_UPDATE_OPENAPI";

    private static readonly string[] MetricNames =
        ["http_server_request_duration_seconds_count", "messaging_submissions_total", "messaging_outgoing_rows", "messaging_outgoing_oldest_seconds", "dotnet_"];

    private static string Docs => Path.Combine(Repository.Root, "docs");

    [Fact]
    public async Task The_OpenAPI_document_in_the_repository_is_current()
    {
        var file = Path.Combine(Docs, "openapi.json");
        var served = (await front.GetAsync("openapi/v1.json", null)).MustBe(HttpStatusCode.OK).Body.ReplaceLineEndings("\n") + "\n";
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            await File.WriteAllTextAsync(file, served, TestContext.Current.CancellationToken);
        }

        Assert.True(served == await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), $"docs/openapi.json is behind. Run this test once with {Update}=1 and look at the difference.");
    }

    [Fact]
    public async Task The_OpenAPI_document_describes_the_bodies_that_are_really_sent()
    {
        using var document = JsonDocument.Parse((await front.GetAsync("openapi/v1.json", null)).Body);
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        var key = Front.NewKey();
        var order = await front.OrderAsync(key);
        var payment = await front.PostAsync("api/payments", key, """{"amount":1}""");
        Matches(schemas.GetProperty("OrderAcceptance"), order.Body);
        Matches(schemas.GetProperty("PaymentAcceptance"), payment.Body);
        Matches(schemas.GetProperty("OrderStatus"), (await front.GetAsync(order["Location"])).Body);
        await front.CompleteAsync($"idempotency_key = '{key}'");
        Matches(schemas.GetProperty("OrderStatus"), (await front.GetAsync(order["Location"])).Body);
        Matches(schemas.GetProperty("PaymentStatus"), (await front.GetAsync(payment["Location"])).Body);
        Matches(schemas.GetProperty("Problem"), (await front.PostAsync("api/orders", null, "{}")).Body);
        Matches(schemas.GetProperty("Problem"), (await front.PostAsync("api/orders", key, "{}")).Body);
    }

    [Fact]
    public async Task Every_problem_has_a_page_at_the_service_and_a_line_in_the_docs_and_no_other_has()
    {
        using var document = JsonDocument.Parse((await front.GetAsync("openapi/v1.json", null)).Body);
        var codes = document.RootElement.GetProperty("components").GetProperty("schemas").GetProperty("Problem").GetProperty("properties").GetProperty("code").GetProperty("enum")
            .EnumerateArray().Select(code => code.GetString()!).ToArray();
        foreach (var code in codes)
        {
            var page = (await front.GetAsync($"problems/{code}", null)).MustBe(HttpStatusCode.OK);
            Assert.Equal("text/html; charset=utf-8", page["Content-Type"]);
            Assert.Contains(code, page.Body, StringComparison.Ordinal);
            Assert.Contains(code, (await front.GetAsync("problems", null)).Body, StringComparison.Ordinal);
        }

        (await front.GetAsync("problems/none-such", null)).MustBe(HttpStatusCode.NotFound, "not-found");
        var listed = ProblemLine().Matches(await File.ReadAllTextAsync(Path.Combine(Docs, "http.md"), TestContext.Current.CancellationToken)).Select(match => match.Groups[1].Value);
        Assert.Equal(codes.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_reading_page_and_its_scripts_come_from_this_service_alone()
    {
        var page = (await front.GetAsync("docs/", null)).MustBe(HttpStatusCode.OK);
        Assert.Contains("script-src 'self'", page["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)\s*=\s*"(https?:)?//""", page.Body);
        foreach (Match script in ScriptSource().Matches(page.Body))
        {
            (await front.GetAsync("docs/" + script.Groups[1].Value, null)).MustBe(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task The_root_leads_to_the_reading_page_and_what_is_not_there_is_a_problem()
    {
        var page = await front.GetAsync("", null);
        Assert.Equal((await front.GetAsync("docs/", null)).Body, page.MustBe(HttpStatusCode.OK).Body);
        foreach (var path in new[] { "docs/x", "docs/v1/x", "openapi/v2.json", "openapi" })
        {
            (await front.GetAsync(path, null)).MustBe(HttpStatusCode.NotFound, "not-found");
        }
    }

    [Fact]
    public async Task The_requests_of_the_http_file_are_answered_as_it_says()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Docs, "messaging.http"), TestContext.Current.CancellationToken);
        var run = new HttpFile(front);
        var count = await run.ExecuteAsync(text);
        Assert.InRange(count, 20, 1000);
    }

    [Fact]
    public async Task No_secret_and_no_whole_key_is_in_a_log_a_metric_or_a_refusal()
    {
        await using var verbose = await front.StartAnotherAsync(("Logging__LogLevel__Default", "Trace"), ("Logging__LogLevel__Microsoft", "Information"), ("Logging__LogLevel__Messaging", "Trace"));
        var (key, item) = (Front.NewKey("secret-idempotency"), "secret-item-of-a-client");
        foreach (var body in new[] { $$"""{"item":"{{item}}","quantity":1}""", $$"""{"item":"{{item}}","quantity":2}""", $$"""{"item":"{{item}}","quantity":"x"}""", $"{item}" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Add("Idempotency-Key", key);
            var answer = await Front.SendAsync(verbose, request, Front.Shop);
            if (answer.Status != HttpStatusCode.Accepted)
            {
                Assert.DoesNotContain(item, answer.Body, StringComparison.Ordinal);
                Assert.DoesNotContain(key, answer.Body + string.Join(' ', answer.Headers.Values), StringComparison.Ordinal);
            }
        }

        using var denied = new HttpRequestMessage(HttpMethod.Get, "api/orders/x");
        await Front.SendAsync(verbose, denied, "msg_secret-but-wrong");
        var metrics = await verbose.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        await verbose.TerminateAsync();
        foreach (var secret in new[] { key, item, Front.Shop, Front.Hash(Front.Shop), "msg_secret-but-wrong" })
        {
            Assert.DoesNotContain(secret, verbose.Output.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(secret, metrics, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_metrics_have_the_names_that_dashboards_use()
    {
        await front.OrderAsync(Front.NewKey());
        await Eventually.True(async () =>
        {
            var metrics = await front.Service.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
            return MetricNames.All(name => metrics.Contains(name, StringComparison.Ordinal));
        });
    }

    private static void Matches(JsonElement schema, string body)
    {
        using var document = JsonDocument.Parse(body);
        var members = document.RootElement.EnumerateObject().Select(member => member.Name).ToHashSet();
        Assert.Subset(schema.GetProperty("properties").EnumerateObject().Select(member => member.Name).ToHashSet(), members);
        Assert.Superset(schema.GetProperty("required").EnumerateArray().Select(name => name.GetString()!).ToHashSet(), members);
    }

    [GeneratedRegex(@"^\| `([a-z0-9-]+)` \| \d{3} \|", RegexOptions.Multiline)]
    private static partial Regex ProblemLine();

    [GeneratedRegex("<script[^>]* src=\"([^\"]+)\"")]
    private static partial Regex ScriptSource();
}
