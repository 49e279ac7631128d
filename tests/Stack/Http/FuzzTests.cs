using System.Net;
using System.Net.Sockets;
using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

public sealed class FuzzOnSqlite(SqliteFront front) : FuzzTests(front), IClassFixture<SqliteFront>;

public sealed class FuzzOnPostgreSql(PostgresFront front) : FuzzTests(front), IClassFixture<PostgresFront>;

/// <summary>Requests as an attacker or a broken client sends them, over bare sockets. The seed is fixed: a failure can be run again.</summary>
public abstract class FuzzTests(Front front)
{
    private const int Requests = 5_000;
    private const int Parallel = 16;
    private const int Seed = 20261;

    private static readonly string[] Numbers =
    [
        "-1", "0", "1e400", "-1e400", "1e-400", "0.1", "1.5", "01", "+1", ".5", "1.", "1e", "0x10", "NaN", "Infinity", "9007199254740993", "99999999999999999999999999999999999999", "1e999999999",
        "2147483648", "-2147483649", "1e-2", "1_000", "\"1\"", "null", "true", "[]", "{}",
    ];

    private static readonly string[] Strings =
    [
        "\"\"", "\" \"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\x41\"", "\"\\u12\"", "\"open", "'a'", "\"a\tb\"", "\"a\nb\"", "null", "1", "[\"a\"]", "{\"a\":1}", "\"\\", "\"" + new string('x', 201) + "\"",
    ];

    [Fact]
    public async Task Hostile_requests_make_no_row_use_no_key_and_do_no_harm()
    {
        var rows = await front.CountAsync("submissions");
        var failures = new System.Collections.Concurrent.ConcurrentBag<string>();
        var answered = 0;
        await System.Threading.Tasks.Parallel.ForEachAsync(
            Enumerable.Range(0, Requests), new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = TestContext.Current.CancellationToken },
            async (n, _) =>
            {
                var (request, halfClose) = Compose(new Random(Seed + n));
                var answer = await ExchangeAsync(request, halfClose);
                Interlocked.Add(ref answered, answer.Length > 0 ? 1 : 0);
                if (answer.Length > 0 && !answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal))
                {
                    failures.Add($"{n}: {Encoding.Latin1.GetString(request)[..Math.Min(request.Length, 400)]} -> {answer[..Math.Min(answer.Length, 200)]}");
                }
            });

        Assert.Empty(failures.Take(5));
        Assert.InRange(answered, Requests * 3 / 4, Requests); // The others ended before they were requests.
        Assert.Equal(rows, await front.CountAsync("submissions"));
        Assert.Equal(0, await front.CountAsync("outgoing_messages", "idempotency_key = 'fuzz'"));
        Assert.False(front.Service.HasExited);
        await front.Service.WaitUntilReadyAsync();
        Assert.Equal("", (await front.OrderAsync("fuzz")).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);
        Assert.DoesNotContain(" fail: ", front.Service.Output.ToString(), StringComparison.Ordinal);
    }

    private async Task<string> ExchangeAsync(byte[] request, bool halfClose)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, front.Address.Port, limit.Token);
        await using var stream = socket.GetStream();
        var answer = new StringBuilder();
        try
        {
            await stream.WriteAsync(request, limit.Token);
            if (halfClose)
            {
                socket.Client.Shutdown(SocketShutdown.Send);
            }

            var buffer = new byte[4096];
            for (var read = await stream.ReadAsync(buffer, limit.Token); read > 0; read = await stream.ReadAsync(buffer, limit.Token))
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (IOException)
        {
            // Reset: the server refused before it had read everything.
        }

        return answer.ToString();
    }

    /// <summary>One request that no rule of the contract lets through: at least one of its parts is wrong.</summary>
    private static (byte[] Request, bool HalfClose) Compose(Random random) => random.Next(8) switch
    {
        0 => (Request(Key(random), Valid), false),
        1 => (Request("fuzz"u8.ToArray(), Encoding.UTF8.GetBytes($$"""{"item":{{Pick(random, Strings)}},"quantity":1}""")), false),
        2 => (Request("fuzz"u8.ToArray(), Encoding.UTF8.GetBytes($$"""{"item":"a","quantity":{{Pick(random, Numbers)}}}""")), false),
        3 => (Request("fuzz"u8.ToArray(), Structure(random)), false),
        4 => (Request("fuzz"u8.ToArray(), InvalidUtf8(random)), false),
        5 => (Request("fuzz"u8.ToArray(), Valid, ContentType(random)), false),
        6 => (Cut(random), true),
        _ => (Mutated(random), true),
    };

    private static byte[] Valid => """{"item":"book","quantity":1}"""u8.ToArray();

    private static byte[] Request(byte[] key, byte[] body, string type = "application/json", string more = "") =>
    [
        .. Encoding.Latin1.GetBytes($"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Front.Shop}\r\nContent-Type: {type}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n{more}Idempotency-Key: "),
        .. key,
        .. "\r\n\r\n"u8,
        .. body,
    ];

    private static byte[] Key(Random random)
    {
        var key = new byte[random.Next(1, 40)];
        random.NextBytes(key);
        key[random.Next(key.Length)] = (byte)random.Next(0x80, 0x100); // At least one byte that no key can hold.
        return [(byte)'k', .. key, (byte)'k'];
    }

    private static byte[] Structure(Random random) => random.Next(9) switch
    {
        0 => Encoding.UTF8.GetBytes(new string('[', random.Next(1, 5_000))),
        1 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"item\":", random.Next(1, 1_500)))),
        2 => """{"item":"a","item":"b","quantity":1}"""u8.ToArray(),
        3 => """{"item":"a","quantity":1,"quantity":1}"""u8.ToArray(),
        4 => Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, random.Next(1, 500)).Select(n => $"\"m{n}\":{n}")) + "}"),
        5 => """{"item":"a","quantity":1}{"item":"a","quantity":1}"""u8.ToArray(),
        6 => """{"item":"a","quantity":1,}"""u8.ToArray(),
        7 => """{"item":"a","quantity":1} //"""u8.ToArray(),
        _ => """["item","a"]"""u8.ToArray(),
    };

    private static byte[] InvalidUtf8(Random random)
    {
        byte[][] broken = [[0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE2, 0x82], [0xF8, 0x88, 0x80, 0x80, 0x80]];
        return [.. "{\"item\":\"a"u8, .. Pick(random, broken), .. "\",\"quantity\":1}"u8];
    }

    private static string ContentType(Random random) =>
        Pick(random, ["text/plain", "application/xml", "", "application/json; charset=latin1", "json", "application/json, application/json", "multipart/form-data; boundary=x", "*/*", "application/jsonp"]);

    /// <summary>A valid request that ends before it is whole.</summary>
    private static byte[] Cut(Random random)
    {
        var whole = Request("fuzz"u8.ToArray(), Valid);
        return whole[..random.Next(1, whole.Length)];
    }

    /// <summary>Framing as smugglers try it, and headers beyond every limit.</summary>
    private static byte[] Mutated(Random random) => random.Next(8) switch
    {
        0 => Request("fuzz"u8.ToArray(), Valid, more: "Transfer-Encoding: chunked\r\n"),
        1 => Request("fuzz"u8.ToArray(), Valid, more: "Content-Length: 5\r\n"),
        2 => Request("fuzz"u8.ToArray(), Valid, more: "Transfer-Encoding: xchunked\r\n"),
        3 => Request("fuzz"u8.ToArray(), Valid, more: $"X-Long: {new string('x', 20_000)}\r\n"),
        4 => Request("fuzz"u8.ToArray(), Valid, more: string.Concat(Enumerable.Range(0, 200).Select(n => $"X-{n}: 1\r\n"))),
        5 => Request("fuzz"u8.ToArray(), Valid, more: "Content-Encoding: gzip\r\n"),
        6 => Request("fuzz"u8.ToArray(), Valid, more: "Idempotency-Key: fuzz\r\n"),
        _ => Request("fuzz"u8.ToArray(), Valid, more: " folded: header\r\n"),
    };

    private static T Pick<T>(Random random, T[] values) => values[random.Next(values.Length)];
}
