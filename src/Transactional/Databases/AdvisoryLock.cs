using System.Data.Common;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Messaging.Transactional;

/// <summary>
/// One process at a time, on PostgreSQL. The lock belongs to a transaction that does nothing else, so the server takes it back from a
/// process that dies, and from a pooled connection too.
/// </summary>
internal sealed class AdvisoryLock(DbConnection connection, WriteTransaction transaction) : IAsyncDisposable
{
    /// <summary>Any number, as long as it is always the same and nobody else's.</summary>
    private const string Take = "SELECT pg_advisory_xact_lock(7306085911)";

    /// <param name="database">Made when it is not there, since a lock is inside one.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public static async Task<AdvisoryLock> TakeAsync(Database database, CancellationToken cancellationToken)
    {
        await using (var context = Schema.Create(database))
        {
            await CreateIfMissingAsync(context.GetService<IRelationalDatabaseCreator>(), cancellationToken);
        }

        var connection = await database.OpenAsync(cancellationToken);
        var taken = new AdvisoryLock(connection, await database.Dialect.BeginAsync(connection, cancellationToken));
        try
        {
            await taken.WaitAsync(cancellationToken);
            return taken;
        }
        catch
        {
            await taken.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        await using var command = transaction.CreateCommand();
        command.CommandText = Take;
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task CreateIfMissingAsync(IRelationalDatabaseCreator creator, CancellationToken cancellationToken)
    {
        try
        {
            if (!await creator.ExistsAsync(cancellationToken))
            {
                await creator.CreateAsync(cancellationToken);
            }
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another process made it meanwhile.
        }
    }
}
