using System.Globalization;

namespace Messaging.Publisher;

/// <summary>
/// A JSON number read digit by digit, so that <c>1</c>, <c>1.0</c> and <c>1e0</c> are one value (they have one fingerprint)
/// and nothing is rounded on the way to a limit.
/// </summary>
internal static class ExactNumber
{
    /// <summary>More significant digits than any value within our limits has.</summary>
    private const int MaxDigits = 20;

    /// <summary>Longer spellings (a thousand zeros) are refused unread.</summary>
    private const int MaxLength = 100;

    /// <summary>Reads a number without loss.</summary>
    /// <param name="token">A JSON number, well-formed.</param>
    /// <param name="maxDecimals">More decimals than so many, trailing zeros not counted, are refused.</param>
    /// <param name="value">Without trailing zeros: <c>1.50</c> becomes <c>1.5</c>.</param>
    /// <returns>False if the value has more decimals or digits than any valid one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> token, int maxDecimals, out decimal value)
    {
        value = 0;
        if (token.Length > MaxLength)
        {
            return false;
        }

        Span<char> digits = stackalloc char[MaxLength];
        var (count, decimals) = Significant(token, digits);
        if (count == 0)
        {
            return true; // Zero, however it is spelled.
        }

        if (decimals > maxDecimals || count > MaxDigits || count - decimals > MaxDigits)
        {
            return false;
        }

        var unscaled = decimal.Parse(digits[..count], NumberStyles.None, CultureInfo.InvariantCulture);
        var size = decimals >= 0 ? unscaled / Power(decimals) : unscaled * Power(-decimals);
        value = token[0] == '-' ? -size : size;
        return true;
    }

    /// <summary>The digits without zeros at either end, and how many of them lie behind the decimal point (below zero: zeros to add).</summary>
    private static (int Count, long Decimals) Significant(ReadOnlySpan<byte> token, Span<char> digits)
    {
        var (count, decimals, exponent, behindPoint) = (0, 0L, 0L, false);
        for (var at = 0; at < token.Length; at++)
        {
            switch ((char)token[at])
            {
                case '.':
                    behindPoint = true;
                    break;
                case 'e' or 'E':
                    exponent = long.TryParse(token[(at + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var read)
                        ? Math.Clamp(read, -10_000, 10_000)
                        : token[at + 1] == '-' ? -10_000 : 10_000;
                    at = token.Length;
                    break;
                case var symbol and >= '0' and <= '9':
                    decimals += behindPoint ? 1 : 0;
                    if (count > 0 || symbol != '0')
                    {
                        digits[count++] = symbol;
                    }

                    break;
            }
        }

        var zeros = count - digits[..count].TrimEnd('0').Length;
        return (count - zeros, decimals - zeros - exponent);
    }

    private static decimal Power(long exponent)
    {
        var power = 1m;
        for (var n = 0; n < exponent; n++)
        {
            power *= 10;
        }

        return power;
    }
}
