using System.Net.Sockets;
using RabbitMQ.Client;

namespace Messaging.Transactional;

/// <summary>
/// A connection to the broker that is over as soon as the peer has ended it. RabbitMQ.Client 7.2 looks for an end between frames only:
/// ended in the middle of one (a proxy, a firewall, a broker killed while it wrote), it reads nothing over and over, one core busy,
/// until the heartbeat gives up half a minute later. Here the end is an error wherever it comes. Over TLS that holds for a connection that
/// breaks; one that is ended in order by TLS itself, within a frame, is still found by the heartbeat.
/// </summary>
internal sealed class BrokerSocket(Socket socket) : TcpClientAdapter(socket)
{
    /// <summary>For <see cref="ConnectionFactoryBase.SocketFactory"/>.</summary>
    public static ITcpClient Create(AddressFamily family) => new BrokerSocket(new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });

    public override NetworkStream GetStream() => new EndingStream(Client);

    private sealed class EndingStream(Socket socket) : NetworkStream(socket, ownsSocket: false)
    {
        public override int Read(Span<byte> buffer) => NotEnded(base.Read(buffer), buffer.Length);

        public override int Read(byte[] buffer, int offset, int count) => NotEnded(base.Read(buffer, offset, count), count);

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            NotEnded(await base.ReadAsync(buffer.AsMemory(offset, count), cancellationToken).ConfigureAwait(false), count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = base.ReadAsync(buffer, cancellationToken);
            return read.IsCompletedSuccessfully ? new(NotEnded(read.Result, buffer.Length)) : AwaitAsync(read, buffer.Length);
        }

        private static async ValueTask<int> AwaitAsync(ValueTask<int> read, int wanted) => NotEnded(await read.ConfigureAwait(false), wanted);

        private static int NotEnded(int count, int wanted) =>
            count > 0 || wanted == 0 ? count : throw new EndOfStreamException("The broker, or something before it, has ended the connection.");
    }
}
