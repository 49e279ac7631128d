using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>
/// The one transaction of a unit of work. Disposed without a commit, it rolls back. On SQLite it also holds this process's turn
/// to write, which spares waiting writers the driver's polling for the file lock.
/// </summary>
internal sealed class WriteTransaction(DbTransaction transaction, IDisposable? turn = null) : IAsyncDisposable
{
    public DbTransaction Inner => transaction;

    /// <summary>Stands before the text of the first command, and so costs no round trip of its own.</summary>
    public string Preamble { get; init; } = "";

    /// <summary>
    /// Stands behind the text of the last command and commits, in the trip of that command; null where committing is a call of its own. A
    /// transaction that nobody ends so is committed by <see cref="CommitAsync"/>.
    /// </summary>
    public string? Ending { get; init; }

    public DbCommand CreateCommand()
    {
        var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        return command;
    }

    public Task CommitAsync(CancellationToken cancellationToken) => transaction.CommitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await transaction.DisposeAsync();
        }
        finally
        {
            turn?.Dispose();
        }
    }
}
