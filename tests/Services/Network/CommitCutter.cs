using Npgsql;

namespace Messaging.Services;

/// <summary>
/// Stands between an engine and PostgreSQL, and breaks the connection at a commit: the one moment at which a client cannot know what
/// happened. It cuts a given number of commits, then lets everything through.
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
        private readonly ClientMessages _messages = new();

        public Cut See(ReadOnlySpan<byte> sent)
        {
            foreach (var work in _messages.Commits(sent))
            {
                if (work.Any(statement => statement.Contains(owner._work, StringComparison.Ordinal)) && Interlocked.Decrement(ref owner._left) >= 0)
                {
                    return owner.Where;
                }
            }

            return Cut.None;
        }
    }
}
