using System.Net;
using System.Net.Sockets;

namespace Messaging.Stack;

/// <summary>
/// A TCP proxy before PostgreSQL that, while it is told to, ends every connection on which a COMMIT comes by: before the server gets
/// it, or after the server has answered it and before the client hears.
/// </summary>
internal sealed class CommitCutter : IAsyncDisposable
{
    private readonly string _host;
    private readonly int _port;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;
    private volatile string _cut = "";

    public CommitCutter(string host, int port)
    {
        (_host, _port) = (host, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Cut(bool afterCommit) => _cut = afterCommit ? "after" : "before";

    public void Heal() => _cut = "";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        await server.ConnectAsync(_host, _port, end.Token);
        var commitSent = new StrongBox();
        await Task.WhenAll(Requests(), Answers());

        Task Requests() => PumpAsync(client, server, end, part =>
        {
            var isCommit = part.IndexOf("COMMIT\0"u8) >= 0;
            commitSent.Value |= isCommit && _cut == "after";
            return isCommit && _cut == "before";
        });

        Task Answers() => PumpAsync(server, client, end, _ => commitSent.Value);
    }

    /// <summary>Passes everything on until one side closes, or until <paramref name="cutsBefore"/> says that this part must not arrive.</summary>
    private static async Task PumpAsync(TcpClient from, TcpClient to, CancellationTokenSource end, Cuts cutsBefore)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer, end.Token) is var length and > 0 && !cutsBefore(buffer.AsSpan(0, length)))
            {
                await to.GetStream().WriteAsync(buffer.AsMemory(0, length), end.Token);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // One side is gone; so is the other, below.
        }

        await end.CancelAsync();
    }

    private delegate bool Cuts(ReadOnlySpan<byte> part);

    private sealed class StrongBox
    {
        public volatile bool Value;
    }
}
