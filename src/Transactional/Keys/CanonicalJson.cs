using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Unicode;

namespace Messaging.Transactional;

/// <summary>
/// JSON in its one canonical spelling (RFC 8785): no white space, members in the order of their names' UTF-16 code units,
/// strings with the fewest escapes, numbers as ECMAScript writes them. What has no such spelling is refused: malformed JSON,
/// invalid UTF-8, a lone surrogate, two members of one name, a number beyond the range of a double.
/// </summary>
/// <remarks>One instance per thread, whose buffers are used again for every payload: taking a fingerprint allocates only its digits.</remarks>
internal sealed class CanonicalJson : IComparer<CanonicalJson.Member>
{
    /// <summary>Deepest nesting of objects and arrays.</summary>
    public const int MaxDepth = 64;

    private const int LargestMembersKept = 1024;

    [ThreadStatic]
    private static CanonicalJson? _mine;

    private readonly ByteBuffer _output = new();
    private readonly ByteBuffer _names = new();
    private Member[] _members = new Member[16];
    private int _count;

    /// <summary>The canonical spelling.</summary>
    /// <param name="json">UTF-8, one value.</param>
    /// <exception cref="JsonException">The text has no canonical spelling.</exception>
    public static byte[] Of(ReadOnlySpan<byte> json) => Spell([], json).ToArray();

    /// <summary>SHA-256 of a prefix followed by the canonical spelling.</summary>
    /// <param name="prefix">Goes in front as it is.</param>
    /// <param name="json">UTF-8, one value.</param>
    /// <param name="hash">Receives 32 bytes.</param>
    /// <exception cref="JsonException">The text has no canonical spelling.</exception>
    public static void Hash(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> json, Span<byte> hash) =>
        SHA256.HashData(Spell(prefix, json), hash);

    int IComparer<Member>.Compare(Member x, Member y) => Compare(x, y);

    /// <summary>The result lies in this thread's buffer until its next call.</summary>
    private static ReadOnlySpan<byte> Spell(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> json)
    {
        // The reader checks no bytes inside strings.
        if (!Utf8.IsValid(json))
        {
            throw new JsonException("The text is not valid UTF-8.");
        }

        var mine = _mine ??= new CanonicalJson();
        mine.Reset();
        mine._output.Append(prefix);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        reader.Read();
        mine.Value(ref reader);
        reader.Read(); // Throws if anything but white space follows the value.
        return mine._output.Written;
    }

    private void Reset()
    {
        // At the start, not at the end: an exception may have left anything behind.
        _output.Reset();
        _names.Reset();
        _count = 0;
        if (_members.Length > LargestMembersKept)
        {
            _members = new Member[16];
        }
    }

    private void Value(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                Object(ref reader);
                break;
            case JsonTokenType.StartArray:
                Array(ref reader);
                break;
            case JsonTokenType.String:
                var start = _names.Length;
                CanonicalString.Unescape(ref reader, _names);
                CanonicalString.Append(_names.Written[start..], _output);
                _names.Truncate(start);
                break;
            case JsonTokenType.Number:
                CanonicalNumber.Append(reader.ValueSpan, _output);
                break;
            default:
                _output.Append(reader.ValueSpan); // true, false and null have one spelling each.
                break;
        }
    }

    private void Array(ref Utf8JsonReader reader)
    {
        _output.Append((byte)'[');
        var first = _output.Length;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (_output.Length > first)
            {
                _output.Append((byte)',');
            }

            Value(ref reader);
        }

        _output.Append((byte)']');
    }

    private void Object(ref Utf8JsonReader reader)
    {
        // Members are written as they come and moved only if they came in another order. The members and names of the objects
        // around this one lie below these marks.
        var (firstMember, firstName) = (_count, _names.Length);
        var inOrder = true;
        _output.Append((byte)'{');
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var member = ReadMember(ref reader);
            inOrder &= _count == firstMember || Compare(_members[_count - 1], member) < 0;
            Add(member);
        }

        if (!inOrder)
        {
            PutInOrder(_members.AsSpan(firstMember, _count - firstMember));
        }

        if (_count > firstMember)
        {
            _output.Truncate(_output.Length - 1); // Every member was written with a comma behind it, so that it can be moved whole.
        }

        _output.Append((byte)'}');
        _count = firstMember;
        _names.Truncate(firstName);
    }

    private Member ReadMember(ref Utf8JsonReader reader)
    {
        var (nameStart, start) = (_names.Length, _output.Length);
        CanonicalString.Unescape(ref reader, _names);
        var nameEnd = _names.Length;
        CanonicalString.Append(_names.Written[nameStart..], _output);
        _output.Append((byte)':');
        reader.Read();
        Value(ref reader);
        _output.Append((byte)',');
        return new Member(nameStart, nameEnd, start, _output.Length);
    }

    private void Add(Member member)
    {
        if (_count == _members.Length)
        {
            System.Array.Resize(ref _members, 2 * _count);
        }

        _members[_count++] = member;
    }

    private void PutInOrder(Span<Member> members)
    {
        var text = _output.From(members[0].Start);
        var origin = members[0].Start;
        members.Sort(this);
        for (var at = 1; at < members.Length; at++)
        {
            if (Compare(members[at - 1], members[at]) == 0)
            {
                throw new JsonException("An object has two members of one name.");
            }
        }

        var copy = ArrayPool<byte>.Shared.Rent(text.Length);
        text.CopyTo(copy);
        foreach (var member in members)
        {
            copy.AsSpan(member.Start - origin, member.End - member.Start).CopyTo(text);
            text = text[(member.End - member.Start)..];
        }

        ArrayPool<byte>.Shared.Return(copy);
    }

    private int Compare(Member x, Member y) => CanonicalString.Compare(
        _names.Written[x.NameStart..x.NameEnd], _names.Written[y.NameStart..y.NameEnd]);

    /// <summary>Where a member's unescaped name lies among the names, and where the whole of it lies in the output.</summary>
    internal readonly record struct Member(int NameStart, int NameEnd, int Start, int End);
}
