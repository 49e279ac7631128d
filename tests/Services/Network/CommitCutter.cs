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

    /// <summary>The bytes of an answer to a commit: that the command is complete, and that the server is ready for the next.</summary>
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
        private readonly ClientMessages _requests = new();
        private readonly ServerMessages _answers = new();
        private volatile bool _cutsAnswer;
        private int? _passing;

        public int? See(Flow flow, ReadOnlySpan<byte> bytes) => flow == Flow.ToServer ? SeeRequest(bytes) : SeeAnswer(bytes);

        private int? SeeRequest(ReadOnlySpan<byte> bytes)
        {
            if (_requests.Commits(bytes).FirstOrDefault(IsMeant) is not { } commit || Interlocked.Decrement(ref owner._left) < 0)
            {
                return null;
            }

            if (owner.Where.Flow == Flow.ToServer)
            {
                return Math.Clamp(commit.End - commit.Size + owner.Where.Bytes, 0, bytes.Length);
            }

            _cutsAnswer = true;
            return null;
        }

        private bool IsMeant(SentCommit commit) => commit.Work.Any(s => s.Contains(owner._work, StringComparison.Ordinal));

        /// <summary>Before the answer to the commit come those of what travelled with it: not a byte of them tells that it is done.</summary>
        private int? SeeAnswer(ReadOnlySpan<byte> bytes)
        {
            var committed = _answers.FindCommitted(bytes);
            if (!_cutsAnswer || (_passing ??= committed + owner.Where.Bytes) is not { } passing)
            {
                return null;
            }

            _passing = passing - bytes.Length;
            return bytes.Length >= passing ? Math.Max(0, passing) : null;
        }
    }
}
