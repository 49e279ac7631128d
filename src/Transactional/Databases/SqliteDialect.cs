using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using SQLitePCL;

namespace Messaging.Transactional;

/// <summary>SQLite in WAL mode, synchronous=FULL. Every unit of work is <c>BEGIN IMMEDIATE</c>: one writer, no lock upgrade half-way.</summary>
internal sealed class SqliteDialect(string connectionString) : Dialect
{
    /// <summary>SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_READONLY of sqlite3.h.</summary>
    private const int Busy = 5, Locked = 6, ReadOnly = 8, InputOutput = 10, Full = 13, CannotOpen = 14;

    /// <summary>The first one that has <c>jsonb_each</c>.</summary>
    private static readonly Version LeastVersion = new(3, 51);

    private static readonly ConcurrentDictionary<string, SemaphoreSlim> Turns = new(StringComparer.Ordinal);

    private readonly string _connectionString = WithBusyTimeout(connectionString);

    private readonly SemaphoreSlim _turn = Turns.GetOrAdd(new SqliteConnectionStringBuilder(connectionString).DataSource, _ => new SemaphoreSlim(1, 1));

    public override int Writers => 1;

    public override string NowMilliseconds => "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

    public override DbConnection Connect() => new SqliteConnection(_connectionString);

    public override void Configure(DbContextOptionsBuilder options) => options.UseSqlite(_connectionString);

    public override Task<WriteTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        BeginAsync(connection, "FULL", cancellationToken);

    /// <summary>In WAL mode, NORMAL writes the log and leaves its way to the disk to the next commit that is flushed, or to the checkpoint.</summary>
    public override Task<WriteTransaction> BeginUnflushedAsync(DbConnection connection, CancellationToken cancellationToken) =>
        BeginAsync(connection, "NORMAL", cancellationToken);

    /// <summary>
    /// A statement that another hand has ready may come after the rollback, as a transaction of its own: from here on this session writes nothing.
    /// Told past the driver's connection, which is not made for two hands, and which goes to no pool any more.
    /// </summary>
    public override Task EndSessionAsync(DbConnection connection)
    {
        if (((SqliteConnection)connection).Handle is { } session)
        {
            raw.sqlite3_exec(session, "PRAGMA query_only = ON; ROLLBACK");
            SqliteConnection.ClearPool((SqliteConnection)connection);
        }

        return Task.CompletedTask;
    }

    private async Task<WriteTransaction> BeginAsync(DbConnection connection, string synchronous, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        var turn = new Turn(_turn);
        try
        {
            // Set on every use, not once: the setting belongs to the connection, and a pooled one may have been used by others.
            await using (var command = connection.CreateCommand())
            {
                command.CommandText = $"PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};";
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            return new WriteTransaction(((SqliteConnection)connection).BeginTransaction(deferred: false), turn);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    /// <summary><c>jsonb_each</c> parses the document once; <c>json_each</c> would write each row as text again, to be parsed for each of its columns.</summary>
    public override string Source(DbCommand command, RowSet rows, string alias)
    {
        Add(command, $"@{alias}", RowSetJson.Write(rows));
        var columns = rows.Columns.Select(c => c.Kind switch
        {
            ColumnKind.Id or ColumnKind.Bytes => $"unhex(value ->> '$.{c.Name}') AS {c.Name}",
            _ => $"value ->> '$.{c.Name}' AS {c.Name}",
        });
        return $"(SELECT {string.Join(", ", columns)} FROM jsonb_each(@{alias})) AS {alias}";
    }

    public override string InsertIfAbsent(string table, string key, string columns, string source, string alias) =>
        $"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} WHERE true ORDER BY {alias}.{key} ON CONFLICT ({key}) DO NOTHING";

    public override string Counted(string update) => update + "; SELECT changes()";

    public override string LeaseOutgoing(string columns) => $"""
        UPDATE outgoing_messages AS o SET leased_until_ms = {NowMilliseconds} + @lease_ms
        WHERE o.id IN (SELECT id FROM outgoing_messages WHERE leased_until_ms <= {NowMilliseconds} ORDER BY id LIMIT @limit)
        RETURNING {columns.Replace("o.", "", StringComparison.Ordinal)}
        """;

    public override string LockSome(string columns, IReadOnlyList<string> tables, string condition, string order) =>
        $"SELECT {columns} FROM {string.Join(", ", tables)} WHERE {condition} ORDER BY {order} LIMIT @limit";

    protected override DatabaseFault ClassifyOwn(DbException exception) => exception is not SqliteException sqlite
        ? DatabaseFault.Work
        : sqlite.SqliteErrorCode switch
        {
            Busy or Locked => DatabaseFault.Collision,
            ReadOnly or InputOutput or Full or CannotOpen => DatabaseFault.Unavailable,
            _ => DatabaseFault.Work,
        };

    public override bool IsConnectionFailure(DbException exception) => exception is SqliteException { SqliteErrorCode: CannotOpen };

    public override string? FindUnsafeConnection()
    {
        var source = new SqliteConnectionStringBuilder(_connectionString);
        return source.Mode == SqliteOpenMode.Memory || source.DataSource is "" or ":memory:"
            ? "The SQLite database is held in memory and is lost with the process. Set ConnectionStrings__Orders to 'Data Source=FILE'."
            : null;
    }

    public override async Task<IReadOnlyList<string>> FindUnsafeSettingsAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await BeginAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = "SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous), sqlite_version()";
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var (journal, synchronous) = (reader.GetString(0), Convert.ToInt32(reader.GetValue(1), CultureInfo.InvariantCulture));
        return Version.Parse(reader.GetString(2)) < LeastVersion
            ? [$"This is SQLite {reader.GetString(2)}; {LeastVersion} or newer is needed. Take the one that Microsoft.Data.Sqlite brings."]
            : (journal, synchronous) is ("wal", >= 2) ? []
            : [$"SQLite runs with journal_mode={journal}, synchronous={synchronous}; WAL and FULL (2) are needed, and this file does not take them."];
    }

    /// <summary>Of a path it can be told; a URI or a |DataDirectory| is the driver's to read.</summary>
    public override bool MayExist =>
        new SqliteConnectionStringBuilder(_connectionString).DataSource is var source && (source.StartsWith("file:", StringComparison.OrdinalIgnoreCase) || source.Contains('|', StringComparison.Ordinal) || File.Exists(source));

    public override string CountTables => "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = @table";

    public override string CountUniqueIndexes => """
        SELECT count(*) FROM pragma_index_list(@table) AS l
        WHERE l."unique" = 1 AND l.partial = 0
          AND (SELECT group_concat(name) FROM pragma_index_info(l.name)) = @column
        """;

    /// <summary>How long the lock of another process on the file is waited for before the work is begun anew: 30 s, unless the connection string says otherwise.</summary>
    private static string WithBusyTimeout(string connectionString)
    {
        var settings = new SqliteConnectionStringBuilder(connectionString);
        settings.DefaultTimeout = settings.ShouldSerialize("Default Timeout") ? settings.DefaultTimeout : 30;
        return settings.ToString();
    }

    private sealed class Turn(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
