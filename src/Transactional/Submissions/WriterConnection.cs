using System.Data;
using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>
/// The connection of one writer, kept open between its transactions: a pooled one is reset each time it is given back. After a failure
/// it is dropped, and the next transaction opens another. So it is where the driver has found out that the session ended while it stood idle.
/// </summary>
internal sealed class WriterConnection(Database database) : IAsyncDisposable
{
    private DbConnection? _open;

    /// <summary>As far as the driver knows, which without keepalive learns of an ended session only when it uses it.</summary>
    public bool IsOpen => _open is { State: ConnectionState.Open };

    public async ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        if (!IsOpen)
        {
            await DropAsync();
            _open = await database.OpenAsync(cancellationToken);
        }

        return _open!;
    }

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
