using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Messaging.Database;

/// <summary>Where the connection breaks.</summary>
public enum Cut
{
    /// <summary>The server never sees the commit.</summary>
    BeforeCommit,

    /// <summary>The server has committed; the client never hears of it.</summary>
    AfterCommit,
}

/// <summary>
/// Stands between an engine and PostgreSQL, and breaks the connection at a commit: the one moment at which a client cannot know what
/// happened. It cuts a given number of commits, then lets everything through.
/// </summary>
internal sealed class CommitCutter : IAsyncDisposable
{
    private static readonly byte[] Commit = "COMMIT\0"u8.ToArray();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly NpgsqlConnectionStringBuilder _server;
    private readonly Cut _cut;
    private readonly Task _accepting;

    private readonly byte[] _work;

    private int _left;

    private int _done;

    /// <param name="connectionString">Of the server.</param>
    /// <param name="cut">Where to cut.</param>
    /// <param name="work">Only commits of connections that have sent this are cut.</param>
    public CommitCutter(string connectionString, Cut cut, string work)
    {
        _work = Encoding.UTF8.GetBytes(work);
        _server = new NpgsqlConnectionStringBuilder(connectionString);
        _cut = cut;
        _listener.Start();
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Host = "127.0.0.1",
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString;
        _accepting = AcceptAsync();
    }

    public string ConnectionString { get; }

    public int Done => Volatile.Read(ref _done);

    /// <summary>Cuts the next commits.</summary>
    public void CutNext(int commits) => Volatile.Write(ref _left, commits);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(_server.Host!, _server.Port, _stop.Token);
            var (near, far) = (client.GetStream(), server.GetStream());
            using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            var answers = new Answers();
            var back = answers.CopyAsync(far, near, over.Token);
            await Task.WhenAny(ForwardAsync(near, far, answers, back, over.Token), back);
            await over.CancelAsync();
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or IOException)
        {
            // Either end is gone: so is the connection.
        }
    }

    private async Task ForwardAsync(NetworkStream from, NetworkStream to, Answers answers, Task back, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        var wanted = false;
        while (await from.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            var sent = buffer.AsMemory(0, count);
            wanted |= sent.Span.IndexOf(_work) >= 0;
            if (wanted && sent.Span.IndexOf(Commit) >= 0 && Interlocked.Decrement(ref _left) >= 0)
            {
                Interlocked.Increment(ref _done);
                if (_cut == Cut.AfterCommit)
                {
                    // Only once the server has closed its end, so has done what it was sent, the client's end is closed.
                    answers.Drop();
                    await to.WriteAsync(sent, cancellationToken);
                    to.Socket.Shutdown(SocketShutdown.Send);
                    await back;
                }

                return;
            }

            await to.WriteAsync(sent, cancellationToken);
        }
    }

    /// <summary>The way back, until it is dropped.</summary>
    private sealed class Answers
    {
        private volatile bool _dropped;

        public void Drop() => _dropped = true;

        public async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationToken cancellationToken)
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReadAsync(buffer, cancellationToken) is var count and > 0)
            {
                if (!_dropped)
                {
                    await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                }
            }
        }
    }
}
