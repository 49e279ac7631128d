using System.Buffers.Binary;

namespace Messaging.Services;

/// <summary>
/// What PostgreSQL answers on one connection, as far as tells that a commit is done.
/// See https://www.postgresql.org/docs/current/protocol-message-formats.html.
/// </summary>
internal sealed class ServerMessages
{
    private const int HeadSize = 1 + 4;

    private readonly List<byte> _unread = [];

    /// <summary>Where in these bytes the message begins that says so (below zero: in those before); null when none ends in them.</summary>
    public int? FindCommitted(ReadOnlySpan<byte> sent)
    {
        int? found = null;
        _unread.AddRange(sent);
        var bytes = _unread.ToArray().AsSpan();
        while (bytes.Length >= HeadSize && 1 + BinaryPrimitives.ReadInt32BigEndian(bytes[1..]) is var size && size <= bytes.Length)
        {
            if (bytes[0] == (byte)'C' && bytes[HeadSize..size].SequenceEqual("COMMIT\0"u8))
            {
                found ??= sent.Length - bytes.Length;
            }

            bytes = bytes[size..];
        }

        _unread.RemoveRange(0, _unread.Count - bytes.Length);
        return found;
    }
}
