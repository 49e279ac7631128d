using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>A proxy that does less than its test believes would prove nothing.</summary>
public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly FaultProxy _proxy;
    private readonly TcpClient _client = new();
    private TcpClient? _server;

    public FaultProxyTests()
    {
        _listener.Start();
        _proxy = new FaultProxy("127.0.0.1", Port);
    }

    private int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_narrow_line_lets_no_more_through_than_it_carries()
    {
        const int Bytes = 16_000;
        _proxy.BytesPerSecond = 32_000;
        await ConnectAsync(_proxy.Port);

        var begun = Stopwatch.GetTimestamp();
        await _client.GetStream().WriteAsync(new byte[Bytes], Cancelled);
        await _server!.GetStream().ReadExactlyAsync(new byte[Bytes], Cancelled);

        // Half a second, less what a timer is early by.
        Assert.True(Stopwatch.GetElapsedTime(begun) > TimeSpan.FromMilliseconds(480), $"{Stopwatch.GetElapsedTime(begun)}");
    }

    [Fact]
    public async Task Latency_is_paid_each_way()
    {
        _proxy.Latency = TimeSpan.FromMilliseconds(100);
        await ConnectAsync(_proxy.Port);

        var begun = Stopwatch.GetTimestamp();
        await _client.GetStream().WriteAsync("?"u8.ToArray(), Cancelled);
        await _server!.GetStream().ReadExactlyAsync(new byte[1], Cancelled);
        await _server.GetStream().WriteAsync("!"u8.ToArray(), Cancelled);
        await _client.GetStream().ReadExactlyAsync(new byte[1], Cancelled);

        Assert.True(Stopwatch.GetElapsedTime(begun) > TimeSpan.FromMilliseconds(190), $"{Stopwatch.GetElapsedTime(begun)}");
    }

    [Theory]
    [InlineData(Flow.ToServer), InlineData(Flow.ToClient)]
    public async Task A_cut_lets_exactly_so_many_bytes_pass_one_way(Flow flow)
    {
        await ConnectAsync(_proxy.Port);
        _proxy.CutAfter(flow, 5);
        var (from, to) = flow == Flow.ToServer ? (_client, _server!) : (_server!, _client);

        await from.GetStream().WriteAsync("0123456789"u8.ToArray(), Cancelled);

        Assert.Equal("01234"u8.ToArray(), await ReadToEndAsync(to));
        Assert.Equal(1, _proxy.Cuts);
    }

    [Fact]
    public async Task A_half_open_connection_drops_what_it_is_sent_and_stands()
    {
        await ConnectAsync(_proxy.Port);
        _proxy.Swallows = true;
        await _client.GetStream().WriteAsync("lost"u8.ToArray(), Cancelled);
        await _server!.GetStream().WriteAsync("lost"u8.ToArray(), Cancelled);
        await Eventually.Equal(8L, () => Task.FromResult(_proxy.Swallowed));
        _proxy.Swallows = false;

        await _client.GetStream().WriteAsync("heard"u8.ToArray(), Cancelled);
        await _server.GetStream().WriteAsync("heard"u8.ToArray(), Cancelled);

        var (atServer, atClient) = (new byte[5], new byte[5]);
        await _server.GetStream().ReadExactlyAsync(atServer, Cancelled);
        await _client.GetStream().ReadExactlyAsync(atClient, Cancelled);
        Assert.Equal(["heard", "heard"], [System.Text.Encoding.ASCII.GetString(atServer), System.Text.Encoding.ASCII.GetString(atClient)]);
    }

    [Theory]
    [InlineData(0, 10), InlineData(7, 10), InlineData(20, 25)]
    public async Task A_confirm_is_found_among_other_frames_and_cut_where_it_was_to_be(int passing, int firstPacket)
    {
        await using var cutter = new ConfirmCutter(new Uri($"amqp://127.0.0.1:{Port}/"));
        await ConnectAsync(cutter.Address.Port);
        cutter.CutNext(passing);
        byte[] heartbeat = [8, 0, 0, 0, 0, 0, 0, 0xCE];
        byte[] delivered = [1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 60, 0xCE];
        byte[] confirm = [1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xCE];
        byte[] sent = [.. heartbeat, .. delivered, .. confirm];
        Assert.Equal(ConfirmCutter.ConfirmSize, confirm.Length);

        await _server!.GetStream().WriteAsync(sent.AsMemory(0, firstPacket), Cancelled);
        await _client.GetStream().ReadExactlyAsync(new byte[firstPacket], Cancelled);
        await _server.GetStream().WriteAsync(sent.AsMemory(firstPacket), Cancelled);

        // What went by before the confirm was known to be one cannot be called back.
        var expected = Math.Max(firstPacket, heartbeat.Length + delivered.Length + passing) - firstPacket;
        Assert.Equal(sent.AsSpan(firstPacket, expected).ToArray(), await ReadToEndAsync(_client));
        Assert.Equal(1, cutter.Done);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _server?.Dispose();
        await _proxy.DisposeAsync();
        _listener.Dispose();
    }

    private async Task ConnectAsync(int port)
    {
        await _client.ConnectAsync(IPAddress.Loopback, port, Cancelled);
        _server = await _listener.AcceptTcpClientAsync(Cancelled);
    }

    /// <summary>Until the other end is gone, in whatever way.</summary>
    private static async Task<byte[]> ReadToEndAsync(TcpClient end)
    {
        var read = new List<byte>();
        var one = new byte[1];
        try
        {
            while (await end.GetStream().ReadAsync(one, Cancelled) == 1)
            {
                read.Add(one[0]);
            }
        }
        catch (IOException)
        {
            // A reset.
        }

        return [.. read];
    }
}
