using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Messaging.Services;

/// <summary>Which way bytes go.</summary>
public enum Flow
{
    ToServer,
    ToClient,
}

/// <summary>
/// A TCP proxy on loopback before a database or a broker, and the faults of a network: latency, a narrow line, a reset of everything, a cut
/// after N bytes one way, a peer that swallows what it is sent (half-open), and cuts at what <see cref="IWatch"/> sees come by.
/// </summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<ProxiedConnection, Task> _connections = [];
    private readonly (string Host, int Port) _server;
    private readonly Func<IWatch>? _watch;
    private readonly Task _accepting;
    private readonly long[] _bytesLeft = [long.MaxValue, long.MaxValue];
    private readonly Line[] _lines = [new(), new()];
    private int _accepted;
    private int _cuts;
    private long _swallowed;

    public FaultProxy(string host, int port, Func<IWatch>? watch = null)
    {
        (_server, _watch) = ((host, port), watch);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Added to every packet, each way.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>What the line carries, each way for itself and all connections together; 0: as much as comes.</summary>
    public int BytesPerSecond { get; set; }

    /// <summary>Half-open: what either side sends is read and dropped, and both sides believe that the connection stands.</summary>
    public bool Swallows { get; set; }

    /// <summary>Connections that were let in, so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Connections that were cut at a byte or by a watch.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>Bytes that were dropped by <see cref="Swallows"/>.</summary>
    public long Swallowed => Interlocked.Read(ref _swallowed);

    /// <summary>Resets every connection now, and says how many; new ones are let in.</summary>
    public int ResetAll()
    {
        var reset = 0;
        foreach (var connection in _connections.Keys)
        {
            connection.Reset();
            reset++;
        }

        return reset;
    }

    /// <summary>Lets that many more bytes pass one way, on all connections together, and resets the one that sends the next. Once.</summary>
    public void CutAfter(Flow flow, long bytes) => Interlocked.Exchange(ref _bytesLeft[(int)flow], bytes);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        ResetAll();
        await _accepting;
        await Task.WhenAll(_connections.Values);
        _stop.Dispose();
    }

    /// <summary>How long these bytes are under way.</summary>
    internal TimeSpan TravelTime(Flow flow, int bytes) => Latency + _lines[(int)flow].Take(bytes, BytesPerSecond);

    /// <summary>How many of these bytes may still pass; fewer than asked for means cut.</summary>
    internal int Admit(Flow flow, int bytes)
    {
        ref var left = ref _bytesLeft[(int)flow];
        if (Volatile.Read(ref left) == long.MaxValue)
        {
            return bytes;
        }

        var after = Interlocked.Add(ref left, -bytes);
        if (after >= 0 || after + bytes < 0)
        {
            // Not yet used up; or another connection has used it up a moment ago, and is the one that is cut.
            return bytes;
        }

        Interlocked.Exchange(ref left, long.MaxValue);
        return (int)Math.Max(0, bytes + after);
    }

    internal void CountSwallowed(int bytes) => Interlocked.Add(ref _swallowed, bytes);

    internal void CountCut() => Interlocked.Increment(ref _cuts);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = new ProxiedConnection(this, await _listener.AcceptTcpClientAsync(_stop.Token), _watch?.Invoke());
                Interlocked.Increment(ref _accepted);
                _connections[connection] = ServeAsync(connection);
            }
        }
        catch (Exception exception) when (_stop.IsCancellationRequested && exception is OperationCanceledException or InvalidOperationException or SocketException)
        {
            // Disposed, while it waited or before it waited again.
        }
    }

    private async Task ServeAsync(ProxiedConnection connection)
    {
        await Task.Yield();
        using (connection)
        {
            await connection.RunAsync(_server.Host, _server.Port, _stop.Token);
        }

        _connections.TryRemove(connection, out _);
    }
}

/// <summary>Looks at what goes over one connection, each way, and says where to cut it.</summary>
public interface IWatch
{
    /// <returns>How many of these bytes still pass before the connection is cut; null when all do and it stands.</returns>
    int? See(Flow flow, ReadOnlySpan<byte> bytes);
}
