using System.Security.Cryptography;
using System.Text;
using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Plain AMQP at its bounds: whatever it lets through either takes effect or is parked as it came, and nothing is dropped.</summary>
public sealed class ForeignBoundsTests(SharedServers servers, EachWay deployments) : IClassFixture<EachWay>
{
    private const int LongestKey = 255;

    /// <summary>RabbitMQ has 128 KiB for all headers together: one frame.</summary>
    private const int HugeHeader = 100_000;

    private const int HugeBody = 16 * 1024 * 1024;

    private static readonly byte[] Book = """{"item":"book","quantity":1}"""u8.ToArray();

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_keys_are_compared_byte_by_byte_up_to_255_characters_and_other_keys_are_parked(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);
        var longest = new string('k', LongestKey);
        string[] accepted = ["A", "a", "a ", longest], parked = ["a\0b", longest + "k", "ключ"];

        await deployment.PublishAsync("orders", accepted.Concat(parked).Select(key => Message(Book, key)));
        await deployment.DrainedAsync(Limit);

        Assert.Equal(accepted, (await deployment.TextsAsync("SELECT idempotency_key FROM orders")).Order(StringComparer.Ordinal));
        Assert.Equal(Enumerable.Repeat("key-invalid", parked.Length), await deployment.TextsAsync("SELECT reason FROM parked_messages"));
        await deployment.AssertAtomicAsync();
    }

    /// <summary>Found again by the digest of the body: two bodies of equal length would hide an exchange.</summary>
    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_what_is_parked_has_the_bytes_that_came_be_they_no_text_or_sixteen_mebibytes(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);
        var huge = new byte[HugeBody];
        new Random(20).NextBytes(huge);
        byte[][] bodies =
        [
            """{"item":"b\u0000k","quantity":1}"""u8.ToArray(), "{\"item\":\"b\0k\",\"quantity\":1}"u8.ToArray(), [0], [0xFF, 0xFE, 0, 0x80], [], huge,
        ];

        await deployment.PublishAsync("orders", bodies.Select((body, i) => Message(body, $"k{i}")));
        await deployment.DrainedAsync(Limit);

        Assert.Equal(
            bodies.Select((body, i) => $"k{i} malformed {Convert.ToHexStringLower(SHA256.HashData(body))}"),
            await deployment.TextsAsync("SELECT concat(idempotency_key, ' ', reason, ' ', encode(sha256(body), 'hex')) FROM parked_messages ORDER BY idempotency_key"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM inbox"));
    }

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row20_headers_of_a_hundred_kilobytes_stop_no_order_and_are_kept_with_what_is_parked(ReceiveWay way)
    {
        var deployment = await deployments.EmptyAsync(servers, way);

        await deployment.PublishAsync("orders", [Message(Book, "fine", Note()), Message("not json"u8.ToArray(), "parked", Note()), Message(Book, "beside")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["beside", "fine"], await deployment.TextsAsync("SELECT idempotency_key FROM orders ORDER BY 1"));
        Assert.Equal(["parked"], await deployment.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'malformed'"));
        Assert.Equal(HugeHeader, await deployment.CountAsync("SELECT length(headers::json ->> 'x-note') FROM parked_messages"));
        await deployment.AssertAtomicAsync();
    }

    private static (string Name, object? Value) Note() => ("x-note", new string('h', HugeHeader));

    private static (byte[] Body, Dictionary<string, object?> Headers, string? MessageId) Message(byte[] body, string key, params (string Name, object? Value)[] others)
    {
        var headers = new Dictionary<string, object?> { ["Idempotency-Key"] = Encoding.UTF8.GetBytes(key) };
        foreach (var (name, value) in others)
        {
            headers[name] = value;
        }

        return (body, headers, null);
    }
}
