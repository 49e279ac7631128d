using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Messaging.Throughput;

/// <summary>What a load gave: requests per second and the latency percentiles in milliseconds.</summary>
internal readonly record struct LoadResult(double PerSecond, double Median, double P99);

/// <summary>
/// A fixed number of keep-alive connections, each sending its next request when the answer to the last one is there. Written on
/// sockets: HttpClient would cost more processor time than the servers that are measured.
/// </summary>
internal sealed class LoadGenerator(Uri server, string path, string? apiKey, int expectedStatus)
{
    private const int Connections = 64;

    private int _number;

    /// <summary>Every request has a key of its own.</summary>
    public async Task<LoadResult> RunAsync(int requests)
    {
        var last = _number + requests;
        var startedAt = Stopwatch.GetTimestamp();
        var latencies = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(() => SendAsync(last))));
        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        _number = last;
        var sorted = latencies.SelectMany(l => l).Order().ToList();
        return new LoadResult(sorted.Count / elapsed.TotalSeconds, sorted[sorted.Count / 2], sorted[(int)(sorted.Count * 0.99)]);
    }

    private async Task<List<double>> SendAsync(int last)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, server.Port));
        var latencies = new List<double>();
        var buffer = new byte[16 * 1024];
        while (Interlocked.Increment(ref _number) is var number && number <= last)
        {
            var sentAt = Stopwatch.GetTimestamp();
            await socket.SendAsync(Request(number));
            await ReceiveAsync(socket, buffer);
            latencies.Add(Stopwatch.GetElapsedTime(sentAt).TotalMilliseconds);
        }

        return latencies;
    }

    private byte[] Request(int number)
    {
        var body = $$"""{"item":"book","quantity":{{number}}}""";
        var authorization = apiKey is null ? "" : $"Authorization: Bearer {apiKey}\r\n";
        return Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Idempotency-Key: order-{number:0000000000}-over-http\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }

    private async Task ReceiveAsync(Socket socket, byte[] buffer)
    {
        var received = 0;
        while (true)
        {
            var count = await socket.ReceiveAsync(buffer.AsMemory(received));
            received += count == 0 ? throw new IOException("The server closed a connection.") : count;
            var headers = buffer.AsSpan(0, received).IndexOf("\r\n\r\n"u8);
            if (headers >= 0 && received >= headers + 4 + BodyLength(buffer.AsSpan(0, headers + 2)))
            {
                break;
            }
        }

        if (!Utf8Parser.TryParse(buffer.AsSpan("HTTP/1.1 ".Length), out int status, out _) || status != expectedStatus)
        {
            throw new InvalidOperationException($"{expectedStatus} was expected, this came: {Encoding.UTF8.GetString(buffer, 0, received)}");
        }
    }

    private static int BodyLength(ReadOnlySpan<byte> headers)
    {
        var at = headers.IndexOf("Content-Length: "u8);
        return at >= 0 && Utf8Parser.TryParse(headers[(at + "Content-Length: ".Length)..], out int length, out _)
            ? length
            : throw new InvalidOperationException("The answer has no Content-Length: " + Encoding.UTF8.GetString(headers));
    }
}
