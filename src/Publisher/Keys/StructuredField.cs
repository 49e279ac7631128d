using System.Buffers;
using System.Text;

namespace Messaging.Publisher;

/// <summary>
/// RFC 9651 §4.2 as far as one Item that is a String needs it: the String, then its parameters, which are parsed (so that
/// broken ones are refused) and dropped.
/// </summary>
internal ref struct StructuredField
{
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~:/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.*");

    private static readonly SearchValues<char> Base64Characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    private ReadOnlySpan<char> _rest;

    /// <summary>Reads a whole field value: one String with its parameters, nothing else.</summary>
    /// <param name="field">Without the spaces around it.</param>
    /// <param name="value">The String's characters.</param>
    public static bool TryReadString(ReadOnlySpan<char> field, out string value)
    {
        var reader = new StructuredField { _rest = field };
        var text = new StringBuilder(Math.Min(field.Length, 256));
        var read = reader.String(text) && reader.Parameters() && reader._rest.IsEmpty;
        value = read ? text.ToString() : "";
        return read;
    }

    /// <summary>§4.1.6.</summary>
    public static string WriteString(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    /// <summary>§4.2.5.</summary>
    private bool String(StringBuilder? text)
    {
        if (!Take('"'))
        {
            return false;
        }

        while (!_rest.IsEmpty)
        {
            var symbol = Next();
            switch (symbol)
            {
                case '"':
                    return true;
                case '\\' when !_rest.IsEmpty && _rest[0] is '"' or '\\':
                    symbol = Next();
                    break;
                case '\\' or < ' ' or > '~':
                    return false;
            }

            text?.Append(symbol);
        }

        return false; // No closing quote.
    }

    /// <summary>§4.2.3.2.</summary>
    private bool Parameters()
    {
        while (Take(';'))
        {
            _rest = _rest.TrimStart(' ');
            if (_rest.IsEmpty || _rest[0] is not ((>= 'a' and <= 'z') or '*'))
            {
                return false;
            }

            SkipAll(KeyCharacters);
            if (Take('=') && !BareItem())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>§4.2.3.1.</summary>
    private bool BareItem() => _rest.IsEmpty ? false : _rest[0] switch
    {
        '"' => String(null),
        ':' => ByteSequence(),
        '?' => Boolean(),
        '@' => Date(),
        '%' => DisplayString(),
        '-' or (>= '0' and <= '9') => Number(out _),
        _ => Token(),
    };

    /// <summary>§4.2.4: up to 15 digits, or up to 12 with up to 3 behind a point.</summary>
    private bool Number(out bool isDecimal)
    {
        isDecimal = false;
        Take('-');
        var whole = SkipDigits();
        if (whole == 0)
        {
            return false;
        }

        isDecimal = Take('.');
        return isDecimal ? whole <= 12 && SkipDigits() is >= 1 and <= 3 : whole <= 15;
    }

    /// <summary>§4.2.6.</summary>
    private bool Token()
    {
        if (!char.IsAsciiLetter(_rest[0]) && _rest[0] != '*')
        {
            return false;
        }

        SkipAll(TokenCharacters);
        return true;
    }

    /// <summary>§4.2.7. Missing padding and set pad bits are let pass, as it says parsers should by default.</summary>
    private bool ByteSequence()
    {
        Next();
        var start = _rest;
        SkipAll(Base64Characters);
        var content = start[..^_rest.Length];
        var data = content.TrimEnd('=');
        return Take(':') && !data.Contains('=') && content.Length - data.Length <= 2 && data.Length % 4 != 1;
    }

    /// <summary>§4.2.8.</summary>
    private bool Boolean()
    {
        Next();
        return Take('0') || Take('1');
    }

    /// <summary>§4.2.9.</summary>
    private bool Date()
    {
        Next();
        return Number(out var isDecimal) && !isDecimal;
    }

    /// <summary>§4.2.10: percent-encoded UTF-8, with lower-case hexadecimal digits.</summary>
    private bool DisplayString()
    {
        Next();
        if (!Take('"'))
        {
            return false;
        }

        var bytes = new List<byte>();
        while (!_rest.IsEmpty)
        {
            var symbol = Next();
            switch (symbol)
            {
                case '"':
                    return System.Text.Unicode.Utf8.IsValid(bytes.ToArray());
                case '%' when _rest.Length >= 2 && char.IsAsciiHexDigitLower(_rest[0]) && char.IsAsciiHexDigitLower(_rest[1]):
                    bytes.Add((byte)((Convert.FromHexString(_rest[..2]))[0]));
                    _rest = _rest[2..];
                    break;
                case '%' or < ' ' or > '~':
                    return false;
                default:
                    bytes.Add((byte)symbol);
                    break;
            }
        }

        return false;
    }

    private char Next()
    {
        var symbol = _rest[0];
        _rest = _rest[1..];
        return symbol;
    }

    private bool Take(char symbol)
    {
        var there = _rest.StartsWith(symbol);
        _rest = there ? _rest[1..] : _rest;
        return there;
    }

    private int SkipDigits()
    {
        var before = _rest.Length;
        _rest = _rest.TrimStart("0123456789");
        return before - _rest.Length;
    }

    private void SkipAll(SearchValues<char> symbols) =>
        _rest = _rest.IndexOfAnyExcept(symbols) is var end and >= 0 ? _rest[end..] : [];
}
