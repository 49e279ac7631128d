using Microsoft.Extensions.Primitives;

namespace Messaging.Publisher;

/// <summary>What became of reading an <c>Idempotency-Key</c> header.</summary>
internal enum KeyReading
{
    /// <summary>The key is there.</summary>
    Ok,

    /// <summary>No such header.</summary>
    Missing,

    /// <summary>Not one RFC 9651 String, nor (unless strict) the bare spelling of one.</summary>
    Malformed,

    /// <summary>Well-formed, but with no characters in it.</summary>
    Empty,

    /// <summary>Well-formed, but over <see cref="IdempotencyKey.MaxLength"/> characters.</summary>
    TooLong,
}

/// <summary>
/// The value of an <c>Idempotency-Key</c> header: an RFC 9651 Item that is a String, with any parameters ignored. Unless
/// strict, also the bare spelling that most clients send (<c>unique-key-123</c>), which is the same key as its quoted form.
/// </summary>
/// <param name="Value">The key without quotes and escapes, compared byte by byte.</param>
/// <param name="Quoted">How it was spelled; no part of the key.</param>
internal readonly record struct IdempotencyKey(string Value, bool Quoted)
{
    public const string Header = "Idempotency-Key";

    /// <summary>In characters, all of them ASCII.</summary>
    public const int MaxLength = 255;

    /// <summary>Reads the header's raw values.</summary>
    /// <param name="lines">As the server has them: one string per header line, one char per byte.</param>
    /// <param name="strict">Refuse the bare spelling.</param>
    /// <param name="key">The key; empty unless the answer is <see cref="KeyReading.Ok"/>.</param>
    public static KeyReading Read(StringValues lines, bool strict, out IdempotencyKey key)
    {
        key = default;
        switch (lines.Count)
        {
            case 0:
                return KeyReading.Missing;
            case 1:
                break;
            default:
                return KeyReading.Malformed; // RFC 9651 joins lines with a comma, and no Item holds a comma outside its quotes.
        }

        var text = lines.ToString().AsSpan().Trim(' ');
        if (text.StartsWith('"'))
        {
            return StructuredField.TryReadString(text, out var value) ? Measured(value, quoted: true, out key) : KeyReading.Malformed;
        }

        return strict || text.ContainsAny(NotBare) || text.ContainsAnyExceptInRange('!', '~')
            ? KeyReading.Malformed
            : Measured(text.ToString(), quoted: false, out key);
    }

    /// <summary>The header value to echo: as it was spelled, without parameters.</summary>
    public override string ToString() => Quoted ? StructuredField.WriteString(Value) : Value;

    /// <summary>A bare value with one of these is a broken String, a List or an Item with parameters, never a key.</summary>
    private static ReadOnlySpan<char> NotBare => "\",;";

    private static KeyReading Measured(string value, bool quoted, out IdempotencyKey key)
    {
        key = value.Length is > 0 and <= MaxLength ? new(value, quoted) : default;
        return value.Length switch
        {
            0 => KeyReading.Empty,
            > MaxLength => KeyReading.TooLong,
            _ => KeyReading.Ok,
        };
    }
}
