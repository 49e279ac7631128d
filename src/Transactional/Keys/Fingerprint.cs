using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Messaging.Transactional;

/// <summary>
/// What a payload is recognised by: the SHA-256 of the operation and the payload's canonical JSON (RFC 8785). Member order,
/// white space and the spelling of a number (<c>1.0</c> and <c>1</c>) do not change it; everything else does.
/// </summary>
public readonly record struct Fingerprint
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly string? _hex;

    private Fingerprint(string hex) => _hex = hex;

    /// <summary>64 lower-case hex digits.</summary>
    public string Hex => _hex ?? throw new InvalidOperationException("An empty fingerprint was used.");

    /// <summary>The 32 bytes.</summary>
    public byte[] ToBytes() => Convert.FromHexString(Hex);

    /// <summary>Reads back what <see cref="ToBytes"/> gave.</summary>
    /// <param name="bytes">Exactly 32.</param>
    public static Fingerprint FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == 32
        ? new(Convert.ToHexStringLower(bytes))
        : throw new FormatException($"A fingerprint has 32 bytes, not {bytes.Length}.");

    /// <summary>Reads 64 hex digits of either case.</summary>
    /// <param name="text">The digits, for instance from a message header.</param>
    /// <param name="fingerprint">The value; unusable when false is returned.</param>
    public static bool TryParse(string? text, out Fingerprint fingerprint)
    {
        fingerprint = default;
        if (text is not { Length: 64 } || text.AsSpan().ContainsAnyExcept(HexDigits))
        {
            return false;
        }

        fingerprint = new(text.AsSpan().ContainsAnyInRange('A', 'F') ? text.ToLowerInvariant() : text);
        return true;
    }

    /// <summary>Takes the fingerprint of a payload.</summary>
    /// <param name="operation">The operation the payload was sent to: the same payload elsewhere is another fingerprint.</param>
    /// <param name="payload">UTF-8 JSON.</param>
    /// <exception cref="System.Text.Json.JsonException">The payload is not JSON that has a canonical form: malformed, a duplicate member, a lone surrogate, a number out of range.</exception>
    public static Fingerprint Of(string operation, ReadOnlyMemory<byte> payload)
    {
        ArgumentException.ThrowIfNullOrEmpty(operation);

        // The line break keeps the two apart: an operation's name has none.
        Span<byte> prefix = stackalloc byte[Encoding.UTF8.GetMaxByteCount(ScopedKey.MaxLength) + 1];
        var length = Encoding.UTF8.GetBytes(operation, prefix);
        prefix[length] = (byte)'\n';
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        CanonicalJson.Hash(prefix[..(length + 1)], payload.Span, hash);
        return FromBytes(hash);
    }

    /// <inheritdoc/>
    public override string ToString() => Hex;
}
