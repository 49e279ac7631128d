using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Messaging.Services;

namespace Messaging.Database;

/// <summary>
/// Stands between Npgsql and the server and counts what the client waits for, from PostgreSQL's own protocol: each Sync and each
/// simple query is one wait, but for what Npgsql sends ahead of a command without waiting: BEGIN, and the reset of a pooled session.
/// </summary>
internal sealed class CountingProxy : IAsyncDisposable
{
    private static readonly string[] SentAhead = ["BEGIN", "DISCARD ALL", "SET SESSION AUTHORIZATION DEFAULT;"];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _server;
    private volatile Task _open = Task.CompletedTask;
    private int _roundTrips;
    private int _commits;

    private CountingProxy(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int RoundTrips => Volatile.Read(ref _roundTrips);

    public int Commits => Volatile.Read(ref _commits);

    public static CountingProxy Start(string host, int port) => new(new IPEndPoint(Dns.GetHostAddresses(host, AddressFamily.InterNetwork)[0], port));

    public void Reset() => (_roundTrips, _commits) = (0, 0);

    /// <summary>Lets nothing through to the server until it is disposed.</summary>
    public IDisposable Hold()
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _open = held.Task;
        return new Held(held);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = RelayAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using var _ = client;
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        await server.ConnectAsync(_server, _stop.Token);
        try
        {
            await Task.WhenAny(
                ForwardRequestsAsync(client.GetStream(), server.GetStream()),
                server.GetStream().CopyToAsync(client.GetStream(), _stop.Token));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // One end has gone; the other notices.
        }
    }

    /// <summary>The first message has no type: it is the one that starts the session.</summary>
    private async Task ForwardRequestsAsync(NetworkStream from, NetworkStream to)
    {
        var messages = new ClientMessages();
        var header = new byte[5];
        await from.ReadExactlyAsync(header.AsMemory(0, 4), _stop.Token);
        await ForwardAsync(header.AsMemory(0, 4), BinaryPrimitives.ReadInt32BigEndian(header) - 4);
        while (true)
        {
            await from.ReadExactlyAsync(header, _stop.Token);
            await _open.WaitAsync(_stop.Token);
            var body = await ForwardAsync(header, BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1)) - 4);
            Count((char)header[0], body);
        }

        async Task<byte[]> ForwardAsync(ReadOnlyMemory<byte> head, int length)
        {
            var message = new byte[head.Length + length];
            head.CopyTo(message);
            await from.ReadExactlyAsync(message.AsMemory(head.Length), _stop.Token);
            Interlocked.Add(ref _commits, messages.Commits(message).Count);
            await to.WriteAsync(message, _stop.Token);
            return message[head.Length..];
        }
    }

    private void Count(char type, byte[] body)
    {
        var text = type == 'Q' ? Encoding.UTF8.GetString(body).TrimEnd('\0') : "";
        if (type == 'S' || (type == 'Q' && !SentAhead.Any(ahead => text.StartsWith(ahead, StringComparison.Ordinal))))
        {
            Interlocked.Increment(ref _roundTrips);
        }
    }

    private sealed class Held(TaskCompletionSource held) : IDisposable
    {
        public void Dispose() => held.TrySetResult();
    }
}
