namespace Messaging.Services;

/// <summary>
/// Stands between a publisher and RabbitMQ, and breaks the connection within a confirm: the broker has the message, and its publisher
/// cannot know.
/// </summary>
public sealed class ConfirmCutter : IAsyncDisposable
{
    private readonly FaultProxy _proxy;
    private int _passing = -1;

    /// <param name="broker">The address of a virtual host.</param>
    public ConfirmCutter(Uri broker)
    {
        ArgumentNullException.ThrowIfNull(broker);
        _proxy = new FaultProxy(broker.Host, broker.Port, () => new Watch(this));
        Address = new UriBuilder(broker) { Host = "127.0.0.1", Port = _proxy.Port }.Uri;
    }

    /// <summary>How many bytes a confirm has.</summary>
    public static int ConfirmSize => ServerFrames.ConfirmSize;

    public Uri Address { get; }

    public int Done => _proxy.Cuts;

    /// <summary>Cuts the next confirm after so many of its bytes.</summary>
    public void CutNext(int bytes) => Volatile.Write(ref _passing, bytes);

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private sealed class Watch(ConfirmCutter owner) : IWatch
    {
        private readonly ServerFrames _frames = new();

        public int? See(Flow flow, ReadOnlySpan<byte> bytes) =>
            flow == Flow.ToClient && _frames.FindConfirm(bytes) is { } begin && Interlocked.Exchange(ref owner._passing, -1) is var passing and >= 0
                ? Math.Clamp(begin + passing, 0, bytes.Length)
                : null;
    }
}
