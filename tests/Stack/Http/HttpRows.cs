using System.Net;
using System.Text;

namespace Messaging.Stack;

public sealed class HttpOnSqlite(SqliteFront front) : HttpRows(front), IClassFixture<SqliteFront>;

public sealed class HttpOnPostgreSql(PostgresFront front) : HttpRows(front), IClassFixture<PostgresFront>;

/// <summary>The rows of the HTTP contract that one publisher with default settings shows, each under its id.</summary>
public abstract class HttpRows(Front front)
{
    private const string Book = """{"item":"book","quantity":1}""";

    [Fact]
    public async Task The_two_requests_of_the_contract_work_as_written()
    {
        var order = await front.PostAsync("api/orders", "unique-key-123", Book);
        order.MustBe(HttpStatusCode.Accepted);
        Assert.Equal("book", order.Member("item"));
        Assert.Matches("""^\{"order_id":"[0-9a-f-]{36}","item":"book","quantity":1,"status":"accepted"\}$""", order.Body);
        var payment = await front.PostAsync("api/payments", "abc123", """{"amount":100}""");
        payment.MustBe(HttpStatusCode.Accepted);
        Assert.Matches("""^\{"payment_id":"[0-9a-f-]{36}","amount":100,"currency":"EUR","status":"accepted"\}$""", payment.Body);
    }

    [Fact]
    public async Task K1_a_missing_key_is_refused() =>
        (await front.PostAsync("api/orders", null, Book)).MustBe(HttpStatusCode.BadRequest, "idempotency-key-required");

    [Fact]
    public async Task K2_K3_a_quoted_key_with_parameters_and_its_bare_form_are_one_key()
    {
        var key = Front.NewKey();
        var first = await front.PostAsync("api/orders", $"\"{key}\";a=1", Book);
        Assert.Equal($"\"{key}\"", first.MustBe(HttpStatusCode.Accepted)["Idempotency-Key"]);
        var second = await front.PostAsync("api/orders", key, Book);
        Assert.Equal(key, second.MustBe(HttpStatusCode.Accepted)["Idempotency-Key"]);
        Assert.Equal(first.Body, second.Body);
        Assert.Equal("true", second["Idempotent-Replayed"]);
    }

    [Theory]
    [InlineData("\"open"), InlineData("\"a\\b\""), InlineData("\"a\"b"), InlineData("a b"), InlineData("a;b"), InlineData("\"a\"; P=1"), InlineData("(\"a\")")]
    public async Task K4_a_malformed_key_is_refused(string key) =>
        (await front.PostAsync("api/orders", key, Book)).MustBe(HttpStatusCode.BadRequest, "idempotency-key-malformed");

    [Theory]
    [InlineData(0x01), InlineData(0x0B), InlineData(0x1F), InlineData(0x7F), InlineData(0x80), InlineData(0xA0), InlineData(0xC3), InlineData(0xFF), InlineData(0x09)]
    public async Task K4_a_byte_that_is_no_printable_ASCII_is_refused_as_malformed(int code)
    {
        var answer = await front.RawAsync(Raw([.. "k"u8, (byte)code, .. "k"u8]));
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"idempotency-key-malformed\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x00), InlineData(0x0D)]
    public async Task K4_a_byte_that_no_header_may_hold_is_refused_by_the_server_itself(int code) =>
        Assert.StartsWith("HTTP/1.1 400 ", await front.RawAsync(Raw([.. "k"u8, (byte)code, .. "k"u8])), StringComparison.Ordinal);

    [Fact]
    public async Task K4_UTF8_in_a_key_is_malformed() =>
        Assert.Contains("idempotency-key-malformed", await front.RawAsync(Raw("\"schlüssel\""u8.ToArray())), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"a\"", "\"b\""), InlineData("a", "a"), InlineData("", "a")]
    public async Task K5_two_header_lines_are_malformed(string first, string second)
    {
        var answer = await front.RawAsync(Raw(Encoding.ASCII.GetBytes($"{first}\r\nIdempotency-Key: {second}")));
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("idempotency-key-malformed", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task K5_a_list_of_keys_is_malformed() =>
        (await front.PostAsync("api/orders", "\"a\", \"b\"", Book)).MustBe(HttpStatusCode.BadRequest, "idempotency-key-malformed");

    [Fact]
    public async Task K6_an_empty_or_overlong_key_is_invalid()
    {
        var empty = await front.PostAsync("api/orders", "\"\"", Book);
        Assert.Contains("empty", empty.MustBe(HttpStatusCode.BadRequest, "idempotency-key-invalid").Member("detail"), StringComparison.Ordinal);
        var overlong = await front.PostAsync("api/orders", new string('k', 256), Book);
        Assert.Contains("255", overlong.MustBe(HttpStatusCode.BadRequest, "idempotency-key-invalid").Member("detail"), StringComparison.Ordinal);
        (await front.PostAsync("api/orders", Front.NewKey().PadRight(255, 'k'), Book)).MustBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task K7_keys_are_compared_byte_by_byte()
    {
        var stem = Front.NewKey();
        string[] keys = [$"\"{stem}x\"", $"\"{stem}X\"", $"\"{stem}x \"", $"\" {stem}x\"", $"\"{stem}\\\"\"", $"\"{stem}\\\\\""];
        var ids = new HashSet<string>();
        foreach (var key in keys)
        {
            ids.Add((await front.PostAsync("api/orders", key, Book)).MustBe(HttpStatusCode.Accepted).Member("order_id"));
        }

        Assert.Equal(keys.Length, ids.Count);
    }

    [Fact]
    public async Task P1_a_new_key_is_one_row_and_one_message()
    {
        var key = Front.NewKey();
        var answer = (await front.OrderAsync(key)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal($"/api/orders/{answer.Member("order_id")}", answer["Location"]);
        Assert.Equal("1", answer["Retry-After"]);
        Assert.Equal("no-store", answer["Cache-Control"]);
        Assert.Equal("application/json", answer["Content-Type"]);
        Assert.Equal(key, answer["Idempotency-Key"]);
        Assert.Equal("", answer["Idempotent-Replayed"]);
        Assert.Equal((1L, 1L), (await front.CountAsync("submissions", $"idempotency_key = '{key}'"), await front.CountAsync("outgoing_messages", $"idempotency_key = '{key}'")));
    }

    [Theory, InlineData("created"), InlineData("failed")]
    public async Task P2_a_replay_is_the_original_to_the_byte_whatever_became_of_it(string status)
    {
        var key = Front.NewKey();
        var first = await front.OrderAsync(key);
        var second = await front.OrderAsync(key);
        await front.CompleteAsync($"idempotency_key = '{key}'", status);
        var third = await front.OrderAsync(key);
        foreach (var replay in new[] { second, third })
        {
            Assert.Equal((HttpStatusCode.Accepted, first.Body, first["Location"], "true"), (replay.Status, replay.Body, replay["Location"], replay["Idempotent-Replayed"]));
        }

        Assert.Equal(status, (await front.GetAsync(first["Location"])).Member("status"));
        Assert.Equal((1L, 1L), (await front.CountAsync("submissions", $"idempotency_key = '{key}'"), await front.CountAsync("outgoing_messages", $"idempotency_key = '{key}'")));
    }

    [Fact]
    public async Task P3_another_payload_under_the_key_is_refused_and_nothing_is_said_of_the_first()
    {
        var key = Front.NewKey();
        var first = await front.OrderAsync(key, item: "secret-of-the-first");
        var other = (await front.OrderAsync(key, item: "pen")).MustBe(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.DoesNotContain("secret", other.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(key, other.Body + string.Join(' ', other.Headers.Values), StringComparison.Ordinal);
        Assert.DoesNotContain(first.Member("order_id"), other.Body + string.Join(' ', other.Headers.Values), StringComparison.Ordinal);
        Assert.Equal(first.Body, (await front.OrderAsync(key, item: "secret-of-the-first")).Body);
    }

    [Fact]
    public async Task P3_P5_of_two_payloads_at_once_one_is_accepted_and_the_other_refused()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = Front.NewKey();
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => front.OrderAsync(key, quantity: 1 + (n % 2))));
            Assert.Equal(4, answers.Count(answer => answer.Status == HttpStatusCode.Accepted));
            Assert.Equal(4, answers.Count(answer => answer.Status == HttpStatusCode.UnprocessableEntity));
            Assert.Single(answers.Where(answer => answer.Status == HttpStatusCode.Accepted).Select(answer => answer.Body).Distinct());
        }
    }

    [Fact]
    public async Task P5_identical_requests_in_parallel_are_one_order()
    {
        var key = Front.NewKey();
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => front.OrderAsync(key)));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Status));
        Assert.Single(answers.Select(answer => answer.Body).Distinct());
        Assert.Single(answers, answer => answer["Idempotent-Replayed"] == "");
        Assert.Equal(1, await front.CountAsync("outgoing_messages", $"idempotency_key = '{key}'"));
    }

    [Fact]
    public async Task P6_another_key_is_a_new_order() =>
        Assert.NotEqual((await front.OrderAsync(Front.NewKey())).Member("order_id"), (await front.OrderAsync(Front.NewKey())).Member("order_id"));

    [Fact]
    public async Task P7_a_key_at_orders_and_at_payments_is_two_keys()
    {
        var key = Front.NewKey();
        (await front.OrderAsync(key)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal("", (await front.PostAsync("api/payments", key, """{"amount":1}""")).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);
    }

    [Fact]
    public async Task P8_a_key_of_another_client_looks_unused()
    {
        var key = Front.NewKey();
        var mine = await front.OrderAsync(key);
        var theirs = (await front.OrderAsync(key, item: "pen", credential: Front.Other)).MustBe(HttpStatusCode.Accepted);
        Assert.Equal("", theirs["Idempotent-Replayed"]);
        Assert.NotEqual(mine.Member("order_id"), theirs.Member("order_id"));
    }

    [Theory]
    [InlineData("""{"quantity":1,"item":"book"}"""), InlineData("""  { "item" : "book" , "quantity" : 1.0 } """), InlineData("""{"item":"\u0062ook","quantity":10e-1}""")]
    public async Task F1_another_spelling_is_the_same_payload(string spelling)
    {
        var key = Front.NewKey();
        var first = await front.PostAsync("api/orders", key, Book);
        Assert.Equal(first.Body, (await front.PostAsync("api/orders", key, spelling)).MustBe(HttpStatusCode.Accepted).Body);
    }

    [Theory]
    [InlineData("api/payments", """{"amount":1}""", """{"amount":1,"currency":null}""")]
    [InlineData("api/payments", """{"amount":1}""", """{"amount":1,"currency":"EUR"}""")]
    [InlineData("api/orders", """{"item":"a b","quantity":1}""", """{"item":"A b","quantity":1}""")]
    [InlineData("api/orders", """{"item":"a b","quantity":1}""", """{"item":"a  b","quantity":1}""")]
    public async Task F2_another_value_is_another_payload(string path, string one, string other)
    {
        var key = Front.NewKey();
        (await front.PostAsync(path, key, one)).MustBe(HttpStatusCode.Accepted);
        (await front.PostAsync(path, key, other)).MustBe(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
    }

    [Fact]
    public async Task F3_headers_are_no_part_of_the_payload()
    {
        var key = Front.NewKey();
        (await front.PostAsync("api/orders", key, Book, headers: [("User-Agent", "one"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])).MustBe(HttpStatusCode.Accepted);
        Assert.Equal("true", (await front.PostAsync("api/orders", key, Book, contentType: "application/json; charset=utf-8", headers: [("User-Agent", "two"), ("X-Anything", "1")]))["Idempotent-Replayed"]);
    }

    [Theory]
    [InlineData("""{"item":"a","quantity":1,"extra":true}""", "extra"), InlineData("""{"item":"a","item":"a","quantity":1}""", "item"), InlineData("""{"Item":"a","quantity":1}""", "Item")]
    public async Task F4_an_unknown_or_repeated_member_is_refused_and_the_key_stays_unused(string body, string member)
    {
        var key = Front.NewKey();
        var answer = (await front.PostAsync("api/orders", key, body)).MustBe(HttpStatusCode.BadRequest, "validation");
        Assert.Contains($"\"{member}\":[", answer.Member("errors"), StringComparison.Ordinal);
        Assert.Equal("", (await front.OrderAsync(key)).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);
    }

    [Fact]
    public async Task S1_unknown_and_foreign_ids_get_one_and_the_same_404()
    {
        var theirs = await front.OrderAsync(Front.NewKey(), credential: Front.Other);
        var payment = await front.PostAsync("api/payments", Front.NewKey(), """{"amount":1}""");
        var answers = new List<Answer>();
        foreach (var id in new[] { theirs.Member("order_id"), payment.Member("payment_id"), Guid.CreateVersion7().ToString(), "no-id", "..%2f", new string('0', 32) })
        {
            answers.Add((await front.GetAsync($"api/orders/{id}")).MustBe(HttpStatusCode.NotFound, "not-found"));
            answers.Add((await front.GetAsync($"api/orders/{id}/events")).MustBe(HttpStatusCode.NotFound, "not-found"));
        }

        Assert.Single(answers.Select(answer => answer.Body + string.Join('|', answer.Headers.Where(header => header.Key != "Date"))).Distinct());
    }

    [Fact]
    public async Task S2_the_id_is_time_ordered_random_and_not_the_key()
    {
        var first = Guid.Parse((await front.OrderAsync(Front.NewKey())).Member("order_id"));
        Assert.Equal(7, first.Version);
        Assert.NotEqual(first, Guid.Parse((await front.OrderAsync(Front.NewKey())).Member("order_id")));
    }

    [Fact]
    public async Task S3_a_status_says_until_when_its_key_is_kept()
    {
        var accepted = await front.OrderAsync(Front.NewKey());
        var status = (await front.GetAsync(accepted["Location"])).MustBe(HttpStatusCode.OK);
        Assert.Equal(("accepted", "1", "no-store"), (status.Member("status"), status["Retry-After"], status["Cache-Control"]));
        var (from, until) = (DateTimeOffset.Parse(status.Member("accepted_at"), null), DateTimeOffset.Parse(status.Member("key_expires_at"), null));
        Assert.Equal(TimeSpan.FromDays(7), until - from);
    }

    [Fact]
    public async Task A_final_status_has_a_result_and_no_Retry_After()
    {
        var key = Front.NewKey();
        var accepted = await front.OrderAsync(key);
        await front.CompleteAsync($"idempotency_key = '{key}'");
        var status = await front.GetAsync(accepted["Location"]);
        Assert.Equal(("created", """{"note":"done"}""", ""), (status.Member("status"), status.Member("result"), status["Retry-After"]));
        Assert.NotEmpty(status.Member("completed_at"));
    }

    [Theory]
    [InlineData("", "$"), InlineData("{", "$"), InlineData("[]", "$"), InlineData("""{"item":"book"}""", "quantity"), InlineData("""{"item":"","quantity":0}""", "item")]
    [InlineData("""{"item":"a\u0000","quantity":1}""", "item"), InlineData("""{"item":"\ud800","quantity":1}""", "item"), InlineData("""{"item":"a","quantity":"1"}""", "quantity")]
    public async Task E1_an_invalid_body_is_refused_with_errors_in_Production(string body, string member)
    {
        var answer = (await front.PostAsync("api/orders", Front.NewKey(), body)).MustBe(HttpStatusCode.BadRequest, "validation");
        Assert.Contains($"\"{member}\":[", answer.Member("errors"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task E2_with_the_broker_down_an_order_is_accepted() => (await front.OrderAsync(Front.NewKey())).MustBe(HttpStatusCode.Accepted);

    [Theory]
    [InlineData(null, "Bearer realm=\"messaging\""), InlineData("msg_wrong", "invalid_token"), InlineData("", "Bearer realm=\"messaging\"")]
    public async Task E4_without_good_credentials_nothing_is_told(string? credential, string challenge)
    {
        var answer = (await front.GetAsync("api/orders/" + Guid.CreateVersion7(), credential is "" ? null : credential)).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
        Assert.Contains(challenge, answer["WWW-Authenticate"], StringComparison.Ordinal);
        (await front.GetAsync("api/nothing", credential is "" ? null : credential)).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task E4_an_api_key_may_come_in_its_own_header_but_not_in_both()
    {
        (await front.GetAsync("api/orders/x", null, ("X-Api-Key", Front.Shop))).MustBe(HttpStatusCode.NotFound, "not-found");
        (await front.GetAsync("api/orders/x", Front.Shop, ("X-Api-Key", Front.Shop))).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
        (await front.GetAsync("api/orders/x", null, ("Authorization", "Basic c2hvcDp4"))).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Theory]
    [InlineData("text/plain"), InlineData("application/x-www-form-urlencoded"), InlineData("application/json; charset=utf-16"), InlineData("application/json; charset=\"utf-16\""), InlineData("application/problem+json")]
    public async Task E6_another_media_type_is_refused_before_the_key_is_looked_at(string type) =>
        Assert.Equal("application/json", (await front.PostAsync("api/orders", null, Book, contentType: type)).MustBe(HttpStatusCode.UnsupportedMediaType, "unsupported-media-type")["Accept"]);

    [Theory]
    [InlineData("application/json; charset=utf-8"), InlineData("application/json; charset=\"utf-8\""), InlineData("Application/JSON;charset=\"UTF-8\"")]
    public async Task E6_JSON_in_UTF8_is_taken_however_it_is_written(string type) =>
        (await front.PostAsync("api/orders", Front.NewKey(), Book, contentType: type)).MustBe(HttpStatusCode.Accepted);

    [Theory]
    [InlineData("gzip, chunked", "415"), InlineData("gzip\r\nTransfer-Encoding: chunked", "415"), InlineData("chunked", "202"), InlineData("Chunked", "202")]
    public async Task E6_a_transfer_coding_other_than_chunked_is_refused(string coding, string status) =>
        Assert.StartsWith($"HTTP/1.1 {status} ", await front.RawAsync(Encoding.ASCII.GetBytes(
            $"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Front.Shop}\r\nContent-Type: application/json\r\nIdempotency-Key: {Front.NewKey()}\r\n"
            + $"Transfer-Encoding: {coding}\r\nConnection: close\r\n\r\n{Book.Length:x}\r\n{Book}\r\n0\r\n\r\n")), StringComparison.Ordinal);

    [Fact]
    public async Task E6_a_large_body_is_refused_before_the_key_is_looked_at()
    {
        var large = $$"""{"item":"{{new string('x', 17_000)}}","quantity":1}""";
        (await front.PostAsync("api/orders", null, large)).MustBe(HttpStatusCode.RequestEntityTooLarge, "content-too-large");
        var chunked = "POST /api/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + Front.Shop + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            + string.Concat(Enumerable.Repeat("400\r\n" + new string('x', 0x400) + "\r\n", 17)) + "0\r\n\r\n";
        Assert.Contains("content-too-large", await front.RawAsync(Encoding.ASCII.GetBytes(chunked)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_no_HTTP_is_refused_with_what_to_look_at()
    {
        var answer = await front.RawAsync(Encoding.ASCII.GetBytes(
            $"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Front.Shop}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nno-size\r\n"));
        Assert.Contains("\"code\":\"bad-request\"", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Length", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HEAD_is_answered_like_GET_without_the_body()
    {
        var order = await front.OrderAsync(Front.NewKey());
        foreach (var path in new[] { order["Location"], "api/orders/none", "health/live", "health/ready", "metrics", "openapi/v1.json", "docs/", "problems", "problems/validation", "problems/none", "nothing" })
        {
            var get = await front.GetAsync(path);
            var head = await HeadAsync(path);
            Assert.Equal((get.Status, get["Content-Type"], get["Cache-Control"], get["Retry-After"], ""), (head.Status, head["Content-Type"], head["Cache-Control"], head["Retry-After"], head.Body));
        }

        var events = (await HeadAsync(order["Location"] + "/events")).MustBe(HttpStatusCode.OK); // Ends, though the order is pending.
        Assert.Equal("text/event-stream", events["Content-Type"]);
        (await HeadAsync("api/orders")).MustBe(HttpStatusCode.MethodNotAllowed);
    }

    [Theory, InlineData("metrics"), InlineData("health/live"), InlineData("health/ready"), InlineData("problems")]
    public async Task What_is_read_takes_no_other_method(string path)
    {
        foreach (var method in new[] { HttpMethod.Options, HttpMethod.Post })
        {
            using var request = new HttpRequestMessage(method, path);
            Assert.Equal("GET, HEAD", (await front.SendAsync(request, null)).MustBe(HttpStatusCode.MethodNotAllowed, "method-not-allowed")["Allow"]);
        }
    }

    [Fact]
    public async Task A_method_that_an_address_does_not_take_is_answered_405_with_Allow()
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "api/orders");
        Assert.Equal("POST", (await front.SendAsync(request, Front.Shop)).MustBe(HttpStatusCode.MethodNotAllowed, "method-not-allowed")["Allow"]);
        (await front.GetAsync("nothing", null)).MustBe(HttpStatusCode.NotFound, "not-found");
    }

    private async Task<Answer> HeadAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, path.TrimStart('/'));
        return await front.SendAsync(request, Front.Shop);
    }

    private static byte[] Raw(byte[] key) =>
    [
        .. Encoding.ASCII.GetBytes($"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Front.Shop}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {Book.Length}\r\nIdempotency-Key: "),
        .. key,
        .. Encoding.ASCII.GetBytes($"\r\n\r\n{Book}"),
    ];
}
