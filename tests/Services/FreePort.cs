using System.Net;
using System.Net.Sockets;

namespace Messaging.Services;

/// <summary>
/// A port nobody listens on now. Chosen by us and not by the server, because a restarted server must come back on the same one; below those that
/// systems give to outgoing connections and to whoever asks for any port, or one of those would have it while its server starts or is down.
/// </summary>
public static class FreePort
{
    private const int First = 10_000;
    private const int Count = 10_000;

    /// <summary>Somewhere else in each test process: two of them may run at once.</summary>
    private static int _given = Random.Shared.Next(Count);

    public static int Next()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _given) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody listens there.
            }
        }
    }
}
