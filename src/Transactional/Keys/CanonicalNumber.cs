using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>Numbers as ECMAScript's <c>Number::toString</c> writes them, which RFC 8785 §3.2.2.3 demands.</summary>
internal static class CanonicalNumber
{
    /// <summary>An integer of so many digits is exact in a double, and already spelled as ECMAScript would.</summary>
    private const int ExactDigits = 15;

    private const int MaxLength = 32;

    /// <summary>Appends a JSON number.</summary>
    /// <param name="token">Well-formed, as a JSON reader has it.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="JsonException">It lies beyond the range of a double.</exception>
    public static void Append(ReadOnlySpan<byte> token, ByteBuffer output)
    {
        if (token.Length <= ExactDigits && !token.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            output.Append(token);
            return;
        }

        var value = double.Parse(token, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (!double.IsFinite(value))
        {
            throw new JsonException("A number lies beyond the range of a double.");
        }

        if (value == 0)
        {
            output.Append((byte)'0'); // Also for -0.
            return;
        }

        if (value < 0)
        {
            output.Append((byte)'-');
        }

        AppendPositive(Math.Abs(value), output);
    }

    private static void AppendPositive(double value, ByteBuffer output)
    {
        // .NET's shortest digits that read back as the same double are ECMAScript's; only the layout around them differs.
        Span<byte> text = stackalloc byte[MaxLength];
        value.TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);
        Span<byte> digits = stackalloc byte[MaxLength];
        var (count, point) = Split(text[..length], digits);
        Layout(digits[..count], point, output);
    }

    /// <summary>Significant digits without zeros at either end, and where the decimal point stands, counted from the first of them.</summary>
    private static (int Count, int Point) Split(ReadOnlySpan<byte> text, Span<byte> digits)
    {
        var exponent = 0;
        if (text.IndexOf((byte)'E') is var e and >= 0)
        {
            exponent = int.Parse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..e];
        }

        var whole = text.IndexOf((byte)'.') is var dot and >= 0 ? dot : text.Length;
        var count = 0;
        var leadingZeros = 0;
        foreach (var symbol in text)
        {
            if (symbol == '.')
            {
                continue;
            }

            if (count == 0 && symbol == '0')
            {
                leadingZeros++;
                continue;
            }

            digits[count++] = symbol;
        }

        return (digits[..count].TrimEnd((byte)'0').Length, whole - leadingZeros + exponent);
    }

    /// <summary>ECMAScript's five layouts.</summary>
    private static void Layout(ReadOnlySpan<byte> digits, int point, ByteBuffer output)
    {
        switch (point)
        {
            case > 21 or <= -6:
                output.Append(digits[0]);
                if (digits.Length > 1)
                {
                    output.Append((byte)'.');
                    output.Append(digits[1..]);
                }

                AppendExponent(point - 1, output);
                break;
            case <= 0:
                output.Append("0."u8);
                output.Take(-point).Fill((byte)'0');
                output.Append(digits);
                break;
            case var _ when point >= digits.Length:
                output.Append(digits);
                output.Take(point - digits.Length).Fill((byte)'0');
                break;
            default:
                output.Append(digits[..point]);
                output.Append((byte)'.');
                output.Append(digits[point..]);
                break;
        }
    }

    private static void AppendExponent(int exponent, ByteBuffer output)
    {
        output.Append((byte)'e');
        output.Append(exponent < 0 ? (byte)'-' : (byte)'+');
        Span<byte> text = stackalloc byte[4];
        Utf8Formatter.TryFormat(Math.Abs(exponent), text, out var length);
        output.Append(text[..length]);
    }
}
