using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Messaging.Transactional;

/// <summary>
/// Nothing is accepted, dispatched or processed before the database has been seen to be fit: reachable, its schema current, the
/// unique indexes in place, no setting that can lose a commit. While it is not reachable or its schema is behind, the service runs
/// and says why it is not ready; an unsafe setting ends the process.
/// </summary>
internal sealed partial class DatabaseGate(
    Database database, Schema schema, IHostApplicationLifetime lifetime, ILogger<DatabaseGate> log) : BackgroundService
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private static readonly (string Table, string Column)[] UniqueIndexes =
        [("inbox", "key_digest"), ("submissions", "key_digest"), ("submissions", "id"), ("outgoing_messages", "id")];

    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Why the gate is closed; null once it is open.</summary>
    public string? ClosedBecause { get; private set; } = "The database has not been looked at yet.";

    public Task WaitAsync(CancellationToken cancellationToken) => _open.Task.WaitAsync(cancellationToken);

    /// <exception cref="DatabaseUnavailableException">The gate is closed.</exception>
    public void ThrowIfClosed()
    {
        if (ClosedBecause is { } reason)
        {
            throw new DatabaseUnavailableException(reason);
        }
    }

    /// <summary>Looks once; null when the database is fit. For tools that run before a host.</summary>
    /// <exception cref="UnsafeSettingException">A setting can lose data.</exception>
    public async Task<string?> LookAsync(CancellationToken cancellationToken)
    {
        if (database.Dialect.FindUnsafeConnection() is { } unsafeConnection)
        {
            throw new UnsafeSettingException(unsafeConnection);
        }

        try
        {
            var pending = await schema.FindPendingAsync(cancellationToken);
            if (pending.Count > 0)
            {
                return $"The database schema is behind by {pending.Count} migration(s), the first is '{pending[0]}'. Run this service once with the argument 'migrate'.";
            }

            await using var connection = await database.OpenAsync(cancellationToken);
            await RequireUniqueIndexesAsync(connection, cancellationToken);
            var found = await database.Dialect.FindUnsafeSettingsAsync(connection, cancellationToken);
            return found.Count > 0 ? throw new UnsafeSettingException(string.Join(' ', found)) : null;
        }
        catch (Exception exception) when (exception is DbException or TimeoutException || exception.InnerException is DbException)
        {
            // EF Core wraps some of SQL Server's errors.
            return $"The database cannot be reached: {(exception.InnerException as DbException ?? exception).Message}";
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string? told = null;
        while (true)
        {
            try
            {
                ClosedBecause = await LookAsync(stoppingToken);
            }
            catch (UnsafeSettingException exception)
            {
                Refused(exception.Message);
                Environment.ExitCode = 1;
                lifetime.StopApplication();
                return;
            }

            if (ClosedBecause is null)
            {
                Opened(database.Options.Provider);
                _open.TrySetResult();
                return;
            }

            if (told != ClosedBecause)
            {
                NotReady(told = ClosedBecause);
            }

            await Task.Delay(RetryInterval, stoppingToken);
        }
    }

    private async Task RequireUniqueIndexesAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        foreach (var (table, column) in UniqueIndexes)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = database.Dialect.CountUniqueIndexes;
            Dialect.Add(command, "@table", table);
            Dialect.Add(command, "@column", column);
            if (Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), System.Globalization.CultureInfo.InvariantCulture) == 0)
            {
                throw new UnsafeSettingException($"The unique index on {table}({column}) is missing; without it a message could take effect twice. Restore it before starting.");
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Not ready: {Reason}")]
    private partial void NotReady(string reason);

    [LoggerMessage(LogLevel.Information, "The {Provider} database is fit: schema current, unique indexes in place, durable settings")]
    private partial void Opened(DatabaseProvider provider);

    [LoggerMessage(LogLevel.Critical, "Refusing to run: {Reason}")]
    private partial void Refused(string reason);
}

/// <summary>A setting of the database or the broker can lose data; the service refuses to run.</summary>
internal sealed class UnsafeSettingException(string message) : Exception(message);
