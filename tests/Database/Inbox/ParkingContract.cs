using System.Text;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>What cannot be processed waits for an operator as it came: body, headers, reason.</summary>
public abstract class ParkingContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    private static readonly Dictionary<string, string> Malformed = new()
    {
        ["not JSON"] = "book please",
        ["nothing"] = "",
        ["cut off"] = """{"item":"book","quan""",
        ["no item"] = """{"quantity":1}""",
        ["item null"] = """{"item":null,"quantity":1}""",
        ["empty item"] = """{"item":" ","quantity":1}""",
        ["U+0000 in the item"] = """{"item":"b\u0000k","quantity":1}""",
        ["half a surrogate"] = """{"item":"\ud83d","quantity":1}""",
        ["a member twice"] = """{"item":"book","item":"pen","quantity":1}""",
        ["quantity 0"] = """{"item":"book","quantity":0}""",
        ["quantity too large"] = """{"item":"book","quantity":1000001}""",
        ["quantity beyond any integer"] = """{"item":"book","quantity":99999999999999999999}""",
        ["quantity with a fraction"] = """{"item":"book","quantity":1.5}""",
        ["an array"] = "[1]",
        ["null"] = "null",
        ["two documents"] = """{"item":"book","quantity":1} {}""",
    };

    [Fact]
    public async Task Row20_bodies_that_are_no_order_are_parked_as_malformed()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessAsync(SubmitOrder.Operation, Malformed.Select(m => Message.Of(SubmitOrder.Queue, m.Key, m.Value)));

        var parked = (await Tables.RowsAsync("SELECT idempotency_key, reason, body, error FROM parked_messages")).ToDictionary(r => (string)r[0]!);
        Assert.Equal(Malformed.Keys.Order(), parked.Keys.Order());
        Assert.All(Malformed, m =>
        {
            Assert.Equal(ParkingReason.Malformed, parked[m.Key][1]);
            Assert.Equal(Encoding.UTF8.GetBytes(m.Value), parked[m.Key][2]);
            Assert.NotEqual("", parked[m.Key][3]);
        });
        Assert.Equal(0, await Tables.CountAsync("inbox") + await Tables.CountAsync("orders"));
    }

    [Fact]
    public async Task Row20_keys_that_are_missing_or_out_of_form_are_parked_with_their_reasons()
    {
        var engine = await StartEngineAsync();
        (object? Key, string Reason)[] cases =
        [
            (null, ParkingReason.KeyMissing), (new string('k', 300), ParkingReason.KeyInvalid), (new string('k', 256), ParkingReason.KeyInvalid), ("", ParkingReason.KeyInvalid),
            ("a\0b", ParkingReason.KeyInvalid), ("ключ", ParkingReason.KeyInvalid), (new byte[] { 0xFF, 0 }, ParkingReason.KeyInvalid), (42, ParkingReason.KeyInvalid),
        ];

        foreach (var (key, _) in cases)
        {
            await engine.ProcessAsync(SubmitOrder.Operation, key is null
                ? Message.Of(SubmitOrder.Queue, null, """{"item":"book","quantity":1}""")
                : Message.Of(SubmitOrder.Queue, null, """{"item":"book","quantity":1}""", (MessageHeaders.IdempotencyKey, key)));
        }

        Assert.Equal(cases.Select(c => c.Reason), await Tables.TextsAsync("SELECT reason FROM parked_messages ORDER BY id"));
        Assert.Equal(0, await Tables.CountAsync("inbox") + await Tables.CountAsync("orders"));
    }

    [Fact]
    public async Task Row20_an_unsupported_content_type_is_parked_and_a_missing_one_is_taken_for_JSON()
    {
        var engine = await StartEngineAsync();
        var body = """{"item":"book","quantity":1}"""u8.ToArray();

        foreach (var contentType in (string?[])["text/xml", "application/x-\0", "application/json; charset=utf-8", "APPLICATION/JSON", null])
        {
            await engine.ProcessAsync(SubmitOrder.Operation, Message.Of(SubmitOrder.Queue, $"k-{contentType?.Length}", body, contentType));
        }

        Assert.Equal([ParkingReason.UnsupportedContentType, ParkingReason.UnsupportedContentType], await Tables.TextsAsync("SELECT reason FROM parked_messages"));
        Assert.Equal(3, await Tables.CountAsync("orders"));
    }

    [Fact]
    public async Task Row20_envelopes_that_are_broken_are_parked_too()
    {
        var engine = await StartEngineAsync();
        string[] bodies =
        [
            "", "[]", "{}", """{"message":null}""", """{"message":{}}""", """{"message":{"item":"book","quantity":1}} x""",
            """{"headers":{"\ud800":"x"},"message":{}}""", """{"headers":{"Idempotency-Key":"\ud800"},"message":{}}""", """{"\ud800":1,"message":{}}""",
        ];

        foreach (var body in bodies)
        {
            await engine.ProcessAsync(SubmitOrder.Operation, Message.Of(SubmitOrder.Queue, "k", Encoding.UTF8.GetBytes(body), MassTransitEnvelope.ContentType));
        }

        Assert.Equal(bodies.Length, await Tables.CountAsync("parked_messages", $"reason = '{ParkingReason.Malformed}'"));
    }

    [Fact]
    public async Task Row20_a_body_of_sixteen_mebibytes_is_parked_whole()
    {
        var engine = await StartEngineAsync();
        var body = new byte[16 * 1024 * 1024];
        new Random(1).NextBytes(body);

        await engine.ProcessAsync(SubmitOrder.Operation, Message.Of(SubmitOrder.Queue, "k", body));

        Assert.Equal(body, await Tables.ValueAsync("SELECT body FROM parked_messages"));
    }

    [Fact]
    public async Task A_redelivered_copy_is_parked_once_and_two_separate_messages_are_two_rows()
    {
        var engine = await StartEngineAsync();
        Delivery Copy(string id, bool redelivered) => Message.Of(SubmitOrder.Queue, "k", "no json"u8.ToArray(), redelivered: redelivered, messageId: id);

        await engine.ProcessAsync(SubmitOrder.Operation, Copy("1", false));
        await engine.ProcessAsync(SubmitOrder.Operation, Copy("1", true));
        await engine.ProcessAsync(SubmitOrder.Operation, Copy("2", false));
        await engine.ProcessAsync(SubmitOrder.Operation, Copy("3", true));

        Assert.Equal(["1", "2", "3"], await Tables.TextsAsync("SELECT message_id FROM parked_messages ORDER BY message_id"));
    }

    [Fact]
    public async Task Headers_of_every_kind_are_kept()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessAsync(SubmitOrder.Operation, Message.Of(SubmitOrder.Queue, "k", "no json",
            ("text", "ü \0 \ud83d"), ("bytes", "né"u8.ToArray()), ("number", 7L), ("none", null), ("list", new List<object> { 1 })));

        var headers = Assert.Single(await Tables.TextsAsync("SELECT headers FROM parked_messages"));
        using var json = System.Text.Json.JsonDocument.Parse(headers);
        Assert.Equal("né", json.RootElement.GetProperty("bytes").GetString());
        Assert.Equal("7", json.RootElement.GetProperty("number").GetString());
    }

    [Fact]
    public async Task The_parked_among_a_batch_do_not_hold_up_the_others()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessInOneBatchAsync(Enumerable.Range(0, 20).Select(i => i % 4 == 0 ? Message.Of("probes", $"key-{i}", "no json") : Message.OfProbe($"key-{i}")));

        Assert.Equal(5, await Tables.CountAsync("parked_messages"));
        Assert.Equal(15, await Tables.CountAsync("orders", "item = 'nothing'"));
        await Tables.AssertAtomicAsync();
    }
}

public sealed class ParkingOnSqlite(SharedServers servers) : ParkingContract(servers, DatabaseProvider.Sqlite);

public sealed class ParkingOnPostgreSql(SharedServers servers) : ParkingContract(servers, DatabaseProvider.PostgreSql);

public sealed class ParkingOnSqlServer(SharedServers servers) : ParkingContract(servers, DatabaseProvider.SqlServer);
