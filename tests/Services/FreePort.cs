using System.Net;
using System.Net.Sockets;

namespace Messaging.Services;

/// <summary>
/// A port nobody listens on now. Chosen by us and not by the server, because a restarted server must come back on the same one.
/// </summary>
public static class FreePort
{
    private static readonly HashSet<int> Given = [];

    public static int Next()
    {
        lock (Given)
        {
            while (true)
            {
                using var listener = new TcpListener(IPAddress.Loopback, 0);
                listener.Start();
                var port = ((IPEndPoint)listener.LocalEndpoint).Port;
                if (Given.Add(port))
                {
                    return port;
                }
            }
        }
    }
}
