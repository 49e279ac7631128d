using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Messaging.Throughput;

/// <summary>One keep-alive connection of the load: a request, its answer, the next request.</summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly string _head;
    private readonly int _expectedStatus;
    private int _received;
    private long _sentAt;

    private LoadConnection(Socket socket, string head, int expectedStatus)
    {
        Socket = socket;
        _head = head;
        _expectedStatus = expectedStatus;
    }

    public Socket Socket { get; }

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_sentAt);

    public static string KeyOf(int number) => $"order-{number:0000000000}-over-http";

    public static LoadConnection Open(Uri server, string path, string? apiKey, int expectedStatus)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(new IPEndPoint(IPAddress.Loopback, server.Port));
        var authorization = apiKey is null ? "" : $"Authorization: Bearer {apiKey}\r\n";
        return new LoadConnection(socket, $"POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n", expectedStatus);
    }

    public void Send(int number)
    {
        var body = $$"""{"item":"book","quantity":{{number}}}""";
        var request = Encoding.ASCII.GetBytes($"{_head}Idempotency-Key: {KeyOf(number)}\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        _received = 0;
        _sentAt = Stopwatch.GetTimestamp();
        Socket.Send(request);
    }

    /// <summary>Reads what is there.</summary>
    /// <returns>Whether that completes the answer.</returns>
    /// <exception cref="IOException">The server closed the connection.</exception>
    /// <exception cref="InvalidOperationException">The answer has another status than the expected one.</exception>
    public bool Receive()
    {
        var count = Socket.Receive(_buffer.AsSpan(_received));
        _received += count == 0 ? throw new IOException("The server closed a connection.") : count;
        var answer = _buffer.AsSpan(0, _received);
        var headers = answer.IndexOf("\r\n\r\n"u8);
        if (headers < 0 || _received < headers + 4 + BodyLength(answer[..(headers + 2)]))
        {
            return false;
        }

        return Utf8Parser.TryParse(answer["HTTP/1.1 ".Length..], out int status, out _) && status == _expectedStatus
            ? true
            : throw new InvalidOperationException($"{_expectedStatus} was expected, this came: {Encoding.UTF8.GetString(answer)}");
    }

    public void Dispose() => Socket.Dispose();

    private static int BodyLength(ReadOnlySpan<byte> headers)
    {
        var at = headers.IndexOf("Content-Length: "u8);
        return at >= 0 && Utf8Parser.TryParse(headers[(at + "Content-Length: ".Length)..], out int length, out _)
            ? length
            : throw new InvalidOperationException("The answer has no Content-Length: " + Encoding.UTF8.GetString(headers));
    }
}
