namespace Messaging.Transactional;

/// <summary>A growing run of bytes that is used again and again by one thread.</summary>
internal sealed class ByteBuffer
{
    /// <summary>A buffer that one large text has blown up beyond this many bytes is not kept.</summary>
    private const int LargestKept = 64 * 1024;

    private byte[] _bytes = new byte[1024];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>What was written from there on, for rewriting in place. Valid until the next append.</summary>
    public Span<byte> From(int start) => _bytes.AsSpan(start, Length - start);

    public void Append(byte value)
    {
        if (Length == _bytes.Length)
        {
            Grow(1);
        }

        _bytes[Length++] = value;
    }

    public void Append(ReadOnlySpan<byte> values) => values.CopyTo(Take(values.Length));

    /// <summary>Room for so many bytes, counted as written: the caller fills it, or gives the rest back with <see cref="Truncate"/>.</summary>
    public Span<byte> Take(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Grow(count);
        }

        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }

    public void Truncate(int length) => Length = length;

    public void Reset()
    {
        Length = 0;
        if (_bytes.Length > LargestKept)
        {
            _bytes = new byte[1024];
        }
    }

    private void Grow(int needed) => Array.Resize(ref _bytes, Math.Max(Length + needed, 2 * _bytes.Length));
}
