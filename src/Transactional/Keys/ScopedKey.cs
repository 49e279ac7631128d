using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Messaging.Transactional;

/// <summary>
/// What an idempotency key is unique within: the client who sent it and the operation it was sent for. Equal keys of two
/// clients, or of one client on two operations, are two keys.
/// </summary>
/// <param name="Client">Who sent it, 1–255 characters.</param>
/// <param name="Operation">The stable name of the operation, never derived from a class name.</param>
/// <param name="Key">The key itself, 1–255 characters; compared byte by byte, so <c>a</c>, <c>A</c> and <c>a </c> are three keys.</param>
public readonly record struct ScopedKey(string Client, string Operation, string Key)
{
    /// <summary>Longest client, operation and key, in characters.</summary>
    public const int MaxLength = 255;

    /// <summary>
    /// Sixteen bytes that stand for the key in every unique index: the first half of the SHA-256 of the three parts, each
    /// preceded by its length. A fixed-size digest keeps the index compact and makes comparison byte-wise on every database
    /// (SQL Server, for one, holds <c>'a'</c> and <c>'a '</c> to be equal under any collation).
    /// </summary>
    public Guid ToDigest()
    {
        var size = 12 + Encoding.UTF8.GetByteCount(Client) + Encoding.UTF8.GetByteCount(Operation) + Encoding.UTF8.GetByteCount(Key);
        Span<byte> text = size <= 1024 ? stackalloc byte[size] : new byte[size];
        var at = 0;
        Append(text, ref at, Client);
        Append(text, ref at, Operation);
        Append(text, ref at, Key);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>The key for the n-th message that the effect of this key sends: what the next service's inbox recognises a repetition by.</summary>
    /// <remarks><c>operation/client/key/n</c>; where that would be longer than a key may be, the digest stands for the three parts.</remarks>
    /// <param name="n">Counts from 1 within one effect.</param>
    public string Derive(int n)
    {
        var derived = $"{Operation}/{Client}/{Key}/{n}";
        return derived.Length <= MaxLength ? derived : $"{ToDigest():N}/{n}";
    }

    private static void Append(Span<byte> text, ref int at, string part)
    {
        var length = Encoding.UTF8.GetBytes(part, text[(at + 4)..]);
        BinaryPrimitives.WriteInt32BigEndian(text[at..], length);
        at += 4 + length;
    }
}
