namespace Messaging.Services;

/// <summary>An empty database of a test's own; dropped with it.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly Func<Task> _drop;

    internal TestDatabase(string connectionString, Func<Task> drop)
    {
        ConnectionString = connectionString;
        _drop = drop;
    }

    /// <summary>What ConnectionStrings__Orders takes.</summary>
    public string ConnectionString { get; }

    public async ValueTask DisposeAsync() => await _drop();
}
