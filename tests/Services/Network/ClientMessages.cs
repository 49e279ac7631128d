using System.Buffers.Binary;
using System.Text;

namespace Messaging.Services;

/// <summary>
/// What a client of PostgreSQL sends on one connection, as far as tells which statements a transaction ran. A prepared statement is sent
/// once and then only named, so a commit's work cannot be found by looking for its text.
/// See https://www.postgresql.org/docs/current/protocol-message-formats.html.
/// </summary>
internal sealed class ClientMessages
{
    /// <summary>A simple query with the text COMMIT, and its end.</summary>
    public const int CommitSize = 1 + LengthSize + 7;

    private const int LengthSize = 4;

    private readonly List<byte> _unread = [];
    private readonly Dictionary<string, string> _prepared = [];
    private List<string> _ran = [];
    private bool _hasBegun;

    /// <summary>The statements of each transaction whose commit is in these bytes; what is cut off in them is read with the next.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Commits(ReadOnlySpan<byte> sent)
    {
        var commits = new List<IReadOnlyList<string>>();
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
                Read((char)bytes[0], Encoding.UTF8.GetString(bytes[(type + LengthSize)..end]).Split('\0'), commits);
            }

            _hasBegun = true;
            bytes = bytes[end..];
        }

        _unread.RemoveRange(0, _unread.Count - bytes.Length);
        return commits;
    }

    private void Read(char type, string[] texts, List<IReadOnlyList<string>> commits)
    {
        switch (type)
        {
            case 'P':
                _prepared[texts[0]] = texts[1];
                break;
            case 'B' when _prepared.TryGetValue(texts[1], out var statement):
                _ran.Add(statement);
                break;
            case 'Q' when texts[0] is "COMMIT" or "ROLLBACK":
                if (texts[0] == "COMMIT")
                {
                    commits.Add(_ran);
                }

                _ran = [];
                break;
            case 'Q':
                _ran.Add(texts[0]);
                break;
        }
    }
}
