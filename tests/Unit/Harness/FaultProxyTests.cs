using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>A proxy that slows nothing down would prove nothing.</summary>
public sealed class FaultProxyTests
{
    [Fact]
    public async Task A_narrow_line_lets_no_more_through_than_it_carries()
    {
        const int Bytes = 16_000;
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await using var proxy = new FaultProxy("127.0.0.1", ((IPEndPoint)server.LocalEndpoint).Port) { BytesPerSecond = 32_000 };
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Port, TestContext.Current.CancellationToken);
        using var accepted = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);

        var begun = Stopwatch.GetTimestamp();
        await client.GetStream().WriteAsync(new byte[Bytes], TestContext.Current.CancellationToken);
        await accepted.GetStream().ReadExactlyAsync(new byte[Bytes], TestContext.Current.CancellationToken);

        // Half a second, less what a timer is early by.
        Assert.True(Stopwatch.GetElapsedTime(begun) > TimeSpan.FromMilliseconds(480), $"{Stopwatch.GetElapsedTime(begun)}");
    }
}
