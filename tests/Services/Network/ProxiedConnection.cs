using System.Net.Sockets;

namespace Messaging.Services;

/// <summary>One connection through a <see cref="FaultProxy"/>.</summary>
internal sealed class ProxiedConnection(FaultProxy proxy, TcpClient client, IWatch? watch) : IDisposable
{
    private readonly TcpClient _server = new();

    /// <summary>Both ends see a reset, as from a firewall or a host that went away.</summary>
    public void Reset()
    {
        Reset(client);
        Reset(_server);
    }

    public void Dispose() => Reset();

    public async Task RunAsync(string host, int port, CancellationToken cancellationToken)
    {
        try
        {
            client.NoDelay = _server.NoDelay = true;
            await _server.ConnectAsync(host, port, cancellationToken);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var answers = PumpAsync(Flow.ToClient, _server, client, over.Token);
            await Task.WhenAny(PumpAsync(Flow.ToServer, client, _server, over.Token), answers);
            await over.CancelAsync();
        }
        catch (Exception exception) when (IsOver(exception))
        {
            // The server is not there: nor is this connection.
        }
    }

    private static bool IsOver(Exception exception) =>
        exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException
        or NullReferenceException; // The socket of a closed TcpClient is null.

    private static void Reset(TcpClient end)
    {
        try
        {
            end.LingerState = new LingerOption(true, 0);
        }
        catch (Exception exception) when (IsOver(exception))
        {
            // Closed already.
        }

        end.Dispose();
    }

    private async Task PumpAsync(Flow flow, TcpClient from, TcpClient to, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer, cancellationToken) is var count and > 0)
            {
                if (proxy.TravelTime(flow, count) is var time && time > TimeSpan.Zero)
                {
                    await Task.Delay(time, TimeProvider.System, cancellationToken);
                }

                var seen = watch?.See(flow, buffer.AsSpan(0, count));
                var admitted = Math.Min(seen ?? count, proxy.Admit(flow, count));
                if (proxy.Swallows)
                {
                    proxy.CountSwallowed(admitted);
                }
                else
                {
                    await to.GetStream().WriteAsync(buffer.AsMemory(0, admitted), cancellationToken);
                }

                if (seen is not null || admitted < count)
                {
                    proxy.CountCut();
                    return;
                }
            }
        }
        catch (Exception exception) when (IsOver(exception))
        {
            // One end is gone; so is the other, when this returns.
        }
    }
}
