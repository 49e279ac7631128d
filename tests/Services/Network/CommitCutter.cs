using Npgsql;

namespace Messaging.Services;

/// <summary>
/// Stands between an engine and PostgreSQL, and breaks the connection at a commit: the one moment at which a client cannot know what
/// happened. It cuts a given number of commits, anywhere in them or in their answers, then lets everything through.
/// </summary>
public sealed class CommitCutter : IAsyncDisposable
{
    private readonly FaultProxy _proxy;
    private volatile string _work;
    private int _left;

    /// <param name="connectionString">Of the server.</param>
    /// <param name="work">Only commits of transactions in which a statement has this text are cut.</param>
    public CommitCutter(string connectionString, string work)
    {
        _work = work;
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        _proxy = new FaultProxy(server.Host!, server.Port, () => new Watch(this));
        ConnectionString = Through(_proxy, connectionString);
    }

    /// <summary>The bytes of a commit.</summary>
    public static int CommitSize => ClientMessages.CommitSize;

    /// <summary>The bytes of its answer: that the command is complete, and that the server is ready for the next.</summary>
    public static int AnswerSize => 12 + 6;

    public string ConnectionString { get; }

    public int Done => _proxy.Cuts;

    /// <summary>The proxy itself, for its other faults.</summary>
    public FaultProxy Proxy => _proxy;

    /// <summary>Where the next cuts are.</summary>
    public Cut Where { get; set; } = Cut.AfterServer;

    /// <summary>The same server through a proxy, which reads no encrypted traffic.</summary>
    public static string Through(FaultProxy proxy, string connectionString) => new NpgsqlConnectionStringBuilder(connectionString)
    {
        Host = "127.0.0.1",
        Port = proxy.Port,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    }.ConnectionString;

    /// <summary>Cuts the next commits.</summary>
    public void CutNext(int commits) => Volatile.Write(ref _left, commits);

    /// <summary>Cuts the next commit of this work, also of a transaction that has begun.</summary>
    public void CutNext(string work)
    {
        _work = work;
        CutNext(1);
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private sealed class Watch(CommitCutter owner) : IWatch
    {
        private const int Everything = int.MaxValue;

        private readonly ClientMessages _messages = new();
        private volatile int _passing = Everything;

        public int? See(Flow flow, ReadOnlySpan<byte> bytes) => flow == Flow.ToServer ? SeeRequest(bytes) : SeeAnswer(bytes.Length);

        private int? SeeRequest(ReadOnlySpan<byte> bytes)
        {
            if (!_messages.Commits(bytes).Any(work => work.Any(s => s.Contains(owner._work, StringComparison.Ordinal))) || Interlocked.Decrement(ref owner._left) < 0)
            {
                return null;
            }

            if (owner.Where.Flow == Flow.ToServer)
            {
                // Its client sends nothing behind a commit before it has the answer.
                return Math.Clamp(bytes.Length - ClientMessages.CommitSize + owner.Where.Bytes, 0, bytes.Length);
            }

            _passing = owner.Where.Bytes;
            return null;
        }

        /// <summary>What comes after the commit was sent is its answer.</summary>
        private int? SeeAnswer(int count)
        {
            var passing = _passing;
            if (count >= passing)
            {
                return passing;
            }

            _passing = passing == Everything ? Everything : passing - count;
            return null;
        }
    }
}
