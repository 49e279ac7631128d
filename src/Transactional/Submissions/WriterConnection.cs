using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>
/// The connection of one writer, kept open between its transactions: a pooled one is reset each time it is given back. After a failure
/// it is dropped, and the next transaction opens another.
/// </summary>
internal sealed class WriterConnection(Database database) : IAsyncDisposable
{
    private DbConnection? _open;

    public async ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken) => _open ??= await database.OpenAsync(cancellationToken);

    public async ValueTask DropAsync()
    {
        (var dropped, _open) = (_open, null);
        if (dropped is not null)
        {
            await dropped.DisposeAsync();
        }
    }

    public ValueTask DisposeAsync() => DropAsync();
}
