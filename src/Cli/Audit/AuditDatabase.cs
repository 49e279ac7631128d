using System.Data.Common;
using System.Globalization;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;

namespace Messaging.Cli;

/// <summary>Reads the tables of a deployment, without the engine around them.</summary>
internal sealed class AuditDatabase(DatabaseOptions options) : IAsyncDisposable
{
    private const int PatienceSeconds = 600;

    private readonly Database _database = new(WithoutCreating(options));

    public DatabaseProvider Provider => options.Provider;

    public Dialect Dialect => _database.Dialect;

    public async Task<long> CountAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var command = Command(connection, sql, null);
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
    }

    /// <summary>The first two columns of each row, client and key, as one text.</summary>
    public async Task<List<string>> KeysAsync(string sql, string? operation, CancellationToken cancellationToken)
    {
        var keys = new List<string>();
        await ReadAsync(sql, operation, reader => keys.Add($"{reader.GetString(0)}/{reader.GetString(1)}"), cancellationToken);
        return keys;
    }

    public async Task ReadAsync(string sql, string? operation, Action<DbDataReader> row, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var command = Command(connection, sql, operation);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            row(reader);
        }
    }

    /// <summary>Puts every submission into the outgoing messages again, as a broker would that replays its whole backlog.</summary>
    public async Task<int> ReplayAsync(CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await Dialect.BeginAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = OutgoingTable.InsertForAllSubmissions(Dialect);
        command.CommandTimeout = PatienceSeconds;
        Dialect.Add(command, "@from_ms", 0L);
        Dialect.Add(command, "@to_ms", TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var count = await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return count;
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _database.OpenAsync(cancellationToken);
        }
        catch (SqliteException exception) when (new SqliteConnectionStringBuilder(options.ConnectionString).DataSource is var file && !File.Exists(file))
        {
            throw new NoConnectionException($"There is no file {Path.GetFullPath(file)}.", exception);
        }
    }

    /// <summary>SQLite makes the file that it is told to open, unless it is told not to; a mistyped name would leave an empty database behind.</summary>
    private static DatabaseOptions WithoutCreating(DatabaseOptions options)
    {
        if (options.Provider != DatabaseProvider.Sqlite)
        {
            return options;
        }

        try
        {
            var connection = new SqliteConnectionStringBuilder(options.ConnectionString);
            connection.Mode = connection.Mode == SqliteOpenMode.ReadWriteCreate ? SqliteOpenMode.ReadWrite : connection.Mode;
            return options with { ConnectionString = connection.ToString() };
        }
        catch (ArgumentException)
        {
            // Database says what cannot be read.
            return options;
        }
    }

    private static DbCommand Command(DbConnection connection, string sql, string? operation)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = PatienceSeconds;
        if (operation is not null)
        {
            Dialect.Add(command, "@operation", operation);
        }

        return command;
    }
}
