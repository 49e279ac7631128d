using System.Buffers.Binary;
using System.Text;

namespace Messaging.Services;

/// <summary>
/// What a client of PostgreSQL sends on one connection, as far as tells which statements a transaction ran. A prepared statement is sent
/// once and then only named, so a commit's work cannot be found by looking for its text.
/// See https://www.postgresql.org/docs/current/protocol-message-formats.html.
/// </summary>
public sealed class ClientMessages
{
    /// <summary>A simple query with the text COMMIT, and its end.</summary>
    public const int CommitSize = 1 + LengthSize + 7;

    /// <summary>The execution of a statement with this text, behind others: the unnamed portal, and all its rows.</summary>
    public const int TravellingCommitSize = 1 + LengthSize + 1 + 4;

    /// <summary>What ends a request of several statements, and asks for its answer.</summary>
    public const int SyncSize = 1 + LengthSize;

    private const int LengthSize = 4;

    private const string CommitText = "COMMIT";

    private readonly List<byte> _unread = [];
    private readonly Dictionary<string, string> _prepared = [];
    private List<string> _ran = [];
    private string? _bound;
    private bool _hasBegun;

    /// <summary>The commits that end in these bytes; what is cut off in them is read with the next.</summary>
    public IReadOnlyList<SentCommit> Commits(ReadOnlySpan<byte> sent)
    {
        var commits = new List<SentCommit>();
        _unread.AddRange(sent);
        var bytes = _unread.ToArray().AsSpan();
        // The first message of a connection has no type.
        for (var type = _hasBegun ? 1 : 0; bytes.Length >= type + LengthSize; type = 1)
        {
            var end = type + BinaryPrimitives.ReadInt32BigEndian(bytes[type..]);
            if (end > bytes.Length)
            {
                break;
            }

            if (_hasBegun)
            {
                if (Read((char)bytes[0], Encoding.UTF8.GetString(bytes[(type + LengthSize)..end]).Split('\0')) is { } work)
                {
                    commits.Add(new SentCommit(work, End: sent.Length - (bytes.Length - end), Size: end));
                }
            }

            _hasBegun = true;
            bytes = bytes[end..];
        }

        _unread.RemoveRange(0, _unread.Count - bytes.Length);
        return commits;
    }

    /// <summary>The statements that ran, when this message commits them.</summary>
    private List<string>? Read(char type, string[] texts)
    {
        switch (type)
        {
            case 'P':
                _prepared[texts[0]] = texts[1];
                break;
            case 'B' when _prepared.TryGetValue(texts[1], out var statement):
                _ran.Add(_bound = statement);
                break;
            case 'E' when _bound == CommitText:
            case 'Q' when texts[0] is CommitText or "ROLLBACK":
                var ran = _ran;
                _ran = [];
                return type == 'E' || texts[0] == CommitText ? ran : null;
            case 'Q':
                _ran.Add(texts[0]);
                break;
        }

        return null;
    }
}

/// <summary>A commit that a client sent.</summary>
/// <param name="Work">The statements of its transaction.</param>
/// <param name="End">Of the message that commits, within the bytes it was found in.</param>
/// <param name="Size">Of that message.</param>
public sealed record SentCommit(IReadOnlyList<string> Work, int End, int Size);
