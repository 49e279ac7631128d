using System.Net;
using System.Net.Sockets;

namespace Messaging.Cli;

/// <summary>
/// A port that nobody listens on now; chosen by us, because a restarted process must come back on the same one. Below those that systems give to
/// outgoing connections, or one of those would have it while its process is down.
/// </summary>
internal static class LoopbackPort
{
    private const int First = 20_000;
    private const int Count = 10_000;

    private static int _given = Random.Shared.Next(Count);

    public static Uri NextAddress()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _given) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return new Uri($"http://127.0.0.1:{port}/");
            }
            catch (SocketException)
            {
                // Somebody listens there.
            }
        }
    }
}
