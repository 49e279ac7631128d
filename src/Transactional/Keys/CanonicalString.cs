using System.Buffers;
using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>Strings as RFC 8785 writes and orders them. All are UTF-8.</summary>
internal static class CanonicalString
{
    private static readonly SearchValues<byte> MustBeEscaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(code => (byte)code), (byte)'"', (byte)'\\']);

    /// <summary>Appends the string or member name that the reader stands on, without quotes and escapes.</summary>
    /// <exception cref="JsonException">An escape names half a surrogate pair: no UTF-8 can hold that.</exception>
    public static void Unescape(ref Utf8JsonReader reader, ByteBuffer text)
    {
        if (!reader.ValueIsEscaped)
        {
            text.Append(reader.ValueSpan);
            return;
        }

        var start = text.Length;
        var room = text.Take(reader.ValueSpan.Length); // Unescaped is never longer.
        try
        {
            text.Truncate(start + reader.CopyString(room));
        }
        catch (InvalidOperationException half)
        {
            throw new JsonException("A string holds half a surrogate pair.", half);
        }
    }

    /// <summary>Appends quotes, text and the fewest escapes: the short ones where JSON has them, else <c>\u00xx</c> in lower case.</summary>
    public static void Append(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        output.Append((byte)'"');
        for (var at = text.IndexOfAny(MustBeEscaped); at >= 0; at = text.IndexOfAny(MustBeEscaped))
        {
            output.Append(text[..at]);
            output.Append((byte)'\\');
            AppendEscape(text[at], output);
            text = text[(at + 1)..];
        }

        output.Append(text);
        output.Append((byte)'"');
    }

    /// <summary>
    /// Orders by UTF-16 code units. That is byte order but for one thing: characters beyond the BMP, whose UTF-8 begins with F0
    /// to F4, are surrogates (D800–DFFF) in UTF-16 and come before U+E000–U+FFFF, whose UTF-8 begins with EE or EF.
    /// </summary>
    public static int Compare(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        var at = x.CommonPrefixLength(y);
        if (at == x.Length || at == y.Length)
        {
            return x.Length - y.Length;
        }

        var (a, b) = (x[at], y[at]);
        return a >= 0xEE && b >= 0xEE && a >= 0xF0 != b >= 0xF0 ? b - a : a - b;
    }

    private static void AppendEscape(byte code, ByteBuffer output)
    {
        ReadOnlySpan<byte> escape = code switch
        {
            (byte)'"' => "\""u8,
            (byte)'\\' => "\\"u8,
            (byte)'\b' => "b"u8,
            (byte)'\t' => "t"u8,
            (byte)'\n' => "n"u8,
            (byte)'\f' => "f"u8,
            (byte)'\r' => "r"u8,
            _ => code < 0x10 ? "u000"u8 : "u001"u8,
        };
        output.Append(escape);
        if (escape.Length > 1)
        {
            output.Append("0123456789abcdef"u8[code & 0xF]);
        }
    }
}
