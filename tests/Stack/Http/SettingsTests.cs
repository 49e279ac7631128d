using System.Net;
using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Rows that need settings of their own: each starts another publisher on the same database.</summary>
public sealed class SettingsTests(SqliteFront front) : IClassFixture<SqliteFront>
{
    private const string Book = """{"item":"book","quantity":1}""";

    [Fact]
    public async Task K3_a_strict_publisher_takes_quoted_keys_only()
    {
        await using var strict = await front.StartAnotherAsync(("Idempotency__Strict", "true"));
        (await PostAsync(strict, Front.NewKey())).MustBe(HttpStatusCode.BadRequest, "idempotency-key-malformed");
        (await PostAsync(strict, "1")).MustBe(HttpStatusCode.BadRequest, "idempotency-key-malformed");
        (await PostAsync(strict, $"\"{Front.NewKey()}\"")).MustBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task E5_too_many_requests_are_answered_429_and_leave_their_keys_unused()
    {
        await using var limited = await front.StartAnotherAsync(("Limits__RequestsPerSecond", "1"), ("Limits__RequestBurst", "2"));
        var keys = Enumerable.Range(0, 40).Select(_ => Front.NewKey()).ToList();

        // At once, so that however slow the machine is, the bucket cannot fill as fast as they come.
        var answers = await Task.WhenAll(keys.Select(key => PostAsync(limited, key)));

        Assert.True(answers.Count(answer => answer.Status == HttpStatusCode.Accepted) >= 2);
        var (key, refused) = keys.Zip(answers).First(pair => pair.Second.Status != HttpStatusCode.Accepted);
        Assert.Equal("1", refused.MustBe(HttpStatusCode.TooManyRequests, "rate-limited")["Retry-After"]);
        (await PostAsync(limited, Front.NewKey(), Front.Other)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal(0, await front.CountAsync("submissions", $"idempotency_key = '{key}'"));
    }

    [Fact]
    public async Task E5_new_keys_have_a_limit_of_their_own()
    {
        await using var limited = await front.StartAnotherAsync(("Limits__NewKeysPerSecond", "1"), ("Limits__NewKeyBurst", "3"));
        var known = Front.NewKey();
        (await PostAsync(limited, known)).MustBe(HttpStatusCode.Accepted);
        for (var n = 0; n < 10; n++)
        {
            Assert.Equal("true", (await PostAsync(limited, known)).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => PostAsync(limited, Front.NewKey())));

        var refused = answers.First(answer => answer.Status != HttpStatusCode.Accepted).MustBe(HttpStatusCode.TooManyRequests, "too-many-new-keys");
        Assert.Equal("1", refused["Retry-After"]);
    }

    [Fact]
    public async Task E5_too_many_streams_are_answered_429_and_a_wait_beyond_the_limit_is_not_granted()
    {
        await using var limited = await front.StartAnotherAsync(("Waiting__MaxWaiting", "0"));
        var accepted = await PostAsync(limited, Front.NewKey(), headers: ("Prefer", "wait=20"));
        accepted.MustBe(HttpStatusCode.Accepted);
        Assert.Equal("", accepted["Preference-Applied"]);
        (await GetAsync(limited, accepted["Location"] + "/events")).MustBe(HttpStatusCode.TooManyRequests, "too-many-waiting");
    }

    [Fact]
    public async Task An_overlong_backlog_is_answered_503()
    {
        (await front.OrderAsync(Front.NewKey())).MustBe(HttpStatusCode.Accepted);
        (await front.OrderAsync(Front.NewKey())).MustBe(HttpStatusCode.Accepted);
        await using var full = await front.StartAnotherAsync(("Limits__MaxOutgoingRows", "1"));
        var refused = await Eventually.Satisfies(() => PostAsync(full, Front.NewKey()), answer => answer.Status != HttpStatusCode.Accepted);
        Assert.NotEmpty(refused.MustBe(HttpStatusCode.ServiceUnavailable, "overloaded")["Retry-After"]);
    }

    [Fact]
    public async Task E8_a_browser_of_a_configured_origin_may_read_the_headers_it_needs()
    {
        await using var open = await front.StartAnotherAsync(("Cors__Origins__0", "https://shop.example"));
        var answer = await PostAsync(open, Front.NewKey(), headers: ("Origin", "https://shop.example"));
        Assert.Equal("https://shop.example", answer.MustBe(HttpStatusCode.Accepted)["Access-Control-Allow-Origin"]);
        foreach (var header in new[] { "Location", "Retry-After", "Idempotency-Key", "Idempotent-Replayed", "Preference-Applied" })
        {
            Assert.Contains(header, answer["Access-Control-Expose-Headers"].Split(','));
        }

        using var preflight = new HttpRequestMessage(HttpMethod.Options, "api/orders");
        var allowed = await Front.SendAsync(open, preflight, null, ("Origin", "https://shop.example"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "idempotency-key"));
        Assert.Equal("https://shop.example", allowed.MustBe(HttpStatusCode.NoContent)["Access-Control-Allow-Origin"]);
        Assert.Equal("", (await PostAsync(open, Front.NewKey(), headers: ("Origin", "https://evil.example")))["Access-Control-Allow-Origin"]);
        Assert.Equal("", (await front.PostAsync("api/orders", Front.NewKey(), Book, headers: ("Origin", "https://shop.example")))["Access-Control-Allow-Origin"]);

        // Without a configured origin a preflight is a request like any other, and this one has no credentials.
        using var unasked = new HttpRequestMessage(HttpMethod.Options, "api/orders");
        var refused = await Front.SendAsync(front.Service, unasked, null, ("Origin", "https://shop.example"), ("Access-Control-Request-Method", "POST"));
        Assert.Equal("", refused.MustBe(HttpStatusCode.Unauthorized, "unauthorized")["Access-Control-Allow-Origin"]);
    }

    [Fact]
    public async Task E4_a_client_that_may_not_use_an_operation_is_answered_403()
    {
        await using var narrow = await front.StartAnotherAsync(("Clients__shop__Operations__0", "capture-payment"));
        (await PostAsync(narrow, Front.NewKey())).MustBe(HttpStatusCode.Forbidden, "forbidden");
        (await PostAsync(narrow, Front.NewKey(), Front.Other)).MustBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task A_client_can_have_several_keys_and_be_disabled()
    {
        await using var two = await front.StartAnotherAsync(("Clients__shop__Keys__1", Front.Hash("msg_second")), ("Clients__other__Disabled", "true"));
        var key = Front.NewKey();
        var first = await PostAsync(two, key);
        Assert.Equal(first.Body, (await PostAsync(two, key, "msg_second")).MustBe(HttpStatusCode.Accepted).Body);
        (await PostAsync(two, key, Front.Other)).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task A_key_in_the_clients_file_is_let_in_and_shut_out_without_a_restart()
    {
        var file = Path.Combine(Path.GetDirectoryName(front.ConnectionString["Data Source=".Length..])!, "clients.json");
        await File.WriteAllTextAsync(file, "{}", TestContext.Current.CancellationToken);
        await using var service = await front.StartAnotherAsync(("Authentication__ClientsFile", file));
        (await PostAsync(service, Front.NewKey(), "msg_late")).MustBe(HttpStatusCode.Unauthorized, "unauthorized");

        await File.WriteAllTextAsync(file, $$"""{ "Clients": { "late": { "Keys": ["{{Front.Hash("msg_late")}}"] } } }""", TestContext.Current.CancellationToken);
        await Eventually.Equal(HttpStatusCode.Accepted, async () => (await PostAsync(service, Front.NewKey(), "msg_late")).Status);
        await File.WriteAllTextAsync(file, $$"""{ "Clients": { "late": { "Keys": ["{{Front.Hash("msg_late")}}"], "Disabled": true } } }""", TestContext.Current.CancellationToken);
        await Eventually.Equal(HttpStatusCode.Unauthorized, async () => (await PostAsync(service, Front.NewKey(), "msg_late")).Status);
    }

    [Fact]
    public async Task E3_E7_what_fails_before_the_commit_is_not_stored_and_the_same_key_runs_again()
    {
        var key = Front.NewKey();
        await front.ExecuteAsync("ALTER TABLE outgoing_messages RENAME TO outgoing_messages_away");
        try
        {
            var failed = await front.OrderAsync(key, item: "secret-item");
            Assert.InRange((int)failed.Status, 500, 503);
            Assert.NotEmpty(failed.Member("trace_id"));
            Assert.DoesNotContain("outgoing_messages", failed.Body, StringComparison.Ordinal);
            Assert.DoesNotContain("secret-item", failed.Body, StringComparison.Ordinal);
            Assert.DoesNotContain(" at ", failed.Body, StringComparison.Ordinal);
        }
        finally
        {
            await front.ExecuteAsync("ALTER TABLE outgoing_messages_away RENAME TO outgoing_messages");
        }

        Assert.Equal("", (await front.OrderAsync(key, item: "secret-item")).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);
    }

    [Theory]
    [InlineData("Limits__MaxBodyBytes", "1"), InlineData("Payments__DefaultCurrency", "euro"), InlineData("Waiting__IntervalMilliseconds", "0"), InlineData("Publisher__PublicUrl", "nowhere")]
    [InlineData("Waiting__MaxWaitSeconds", "abc"), InlineData("ConnectionStrings__Orders", "Nonsense=1"), InlineData("Database__Provider", "Oracle")]
    [InlineData("Clients__shop__Keys__0", "no-hash"), InlineData("Authentication__Jwt__Authority", "ftp://x"), InlineData("Authentication__Anonymous", "true")]
    public async Task A_wrong_setting_stops_the_start_and_is_named(string key, string value)
    {
        var (code, output) = await ServiceProcess.RunAsync(front.Options((key, value)));
        Assert.True(code == 2, $"exit code {code}: {output}");
        Assert.Contains(key, Assert.Single(output.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Production_without_clients_does_not_start_and_says_what_to_set()
    {
        var (code, output) = await ServiceProcess.RunAsync(front.Options(("Clients__shop__Keys__0", null), ("Clients__other__Keys__0", null)));
        Assert.NotEqual(0, code);
        Assert.Contains("Clients__NAME__Keys__0", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Development_serves_this_machine_without_credentials_but_no_proxy_and_no_rebound_name()
    {
        await using var development = await front.StartAnotherAsync(("ASPNETCORE_ENVIRONMENT", "Development"));
        (await GetAsync(development, "api/orders/x", null)).MustBe(HttpStatusCode.NotFound, "not-found");
        (await GetAsync(development, "api/orders/x", null, ("Authorization", "Bearer"))).MustBe(HttpStatusCode.NotFound, "not-found");
        (await GetAsync(development, "api/orders/x", null, ("X-Forwarded-For", "127.0.0.1"))).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
        (await GetAsync(development, "api/orders/x", null, ("Host", "evil.example"))).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
        (await PostAsync(development, null)).MustBe(HttpStatusCode.BadRequest, "idempotency-key-required");
    }

    [Fact]
    public async Task The_command_new_key_prints_a_key_and_the_hash_that_lets_it_in()
    {
        var (code, output) = await ServiceProcess.RunAsync(front.Options() with { Arguments = ["new-key", "fresh"] });
        Assert.Equal(0, code);
        var key = output.Split('\n').Select(line => line.Trim()).First(line => line.StartsWith("msg_", StringComparison.Ordinal));
        Assert.Contains($"Clients__fresh__Keys__0={Front.Hash(key)}", output, StringComparison.Ordinal);
        await using var service = await front.StartAnotherAsync(("Clients__fresh__Keys__0", Front.Hash(key)));
        (await PostAsync(service, Front.NewKey(), key)).MustBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task The_command_new_key_refuses_a_name_that_could_not_be_let_in()
    {
        var (code, output) = await ServiceProcess.RunAsync(front.Options() with { Arguments = ["new-key", "my shop"] });
        Assert.Equal(2, code);
        Assert.Equal("'my shop' is no name for a client: a client's name has 1 to 255 visible ASCII characters and is not 'anonymous'.", output.Trim());
    }

    private static async Task<Answer> PostAsync(ServiceProcess service, string? key, string credential = Front.Shop, params (string, string)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent(Book, Encoding.UTF8, "application/json") };
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }

        return await Front.SendAsync(service, request, credential, headers);
    }

    private static async Task<Answer> GetAsync(ServiceProcess service, string path, string? credential = Front.Shop, params (string, string)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path.TrimStart('/'));
        return await Front.SendAsync(service, request, credential, headers);
    }
}
