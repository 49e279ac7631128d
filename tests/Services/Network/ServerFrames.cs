using System.Buffers.Binary;

namespace Messaging.Services;

/// <summary>
/// What a broker sends on one connection of AMQP 0-9-1, as far as tells which frames confirm messages. See its specification, 4.2.3
/// (frames), and https://www.rabbitmq.com/docs/confirms, by which a basic.ack that comes from the broker is a confirm.
/// </summary>
internal sealed class ServerFrames
{
    /// <summary>Of a confirm: a header, the ids of class and method, the tag, a flag, and the end of the frame.</summary>
    public const int ConfirmSize = HeaderSize + 4 + 8 + 1 + EndSize;

    private const int HeaderSize = 7;
    private const int EndSize = 1;
    private const byte MethodFrame = 1;

    private static readonly byte[] BasicAck = [0, 60, 0, 80];

    private readonly List<byte> _unread = [];

    /// <summary>Where in these bytes the first confirm begins, below zero when a part of it came before; null when none ends in them.</summary>
    public int? FindConfirm(ReadOnlySpan<byte> sent)
    {
        var cameBefore = _unread.Count;
        _unread.AddRange(sent);
        var bytes = _unread.ToArray().AsSpan();
        int? found = null;
        var begin = 0;
        while (bytes.Length - begin >= HeaderSize)
        {
            var end = begin + HeaderSize + BinaryPrimitives.ReadInt32BigEndian(bytes[(begin + 3)..]) + EndSize;
            if (end > bytes.Length)
            {
                break;
            }

            if (bytes[begin] == MethodFrame && bytes[(begin + HeaderSize)..end].StartsWith(BasicAck))
            {
                found ??= begin - cameBefore;
            }

            begin = end;
        }

        _unread.RemoveRange(0, begin);
        return found;
    }
}
