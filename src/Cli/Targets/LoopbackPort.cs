using System.Net;
using System.Net.Sockets;

namespace Messaging.Cli;

/// <summary>A port that nobody listens on now; chosen by us, because a restarted process must come back on the same one.</summary>
internal static class LoopbackPort
{
    public static Uri NextAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
    }
}
