using System.Data;
using System.Data.Common;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Transactional;

/// <summary>
/// SQL Server. The claim is <c>INSERT … WHERE NOT EXISTS</c> under UPDLOCK and HOLDLOCK: <c>IGNORE_DUP_KEY</c> deadlocks on key
/// ranges, and a bare MERGE races. Two who meet all the same get 1205, 2601 or 2627, and run again.
/// </summary>
internal sealed class SqlServerDialect(string connectionString) : Dialect
{
    public override int Writers => 2;

    public override string NowMilliseconds => "DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME())";

    public override DbConnection Connect() => new SqlConnection(connectionString);

    public override void Configure(DbContextOptionsBuilder options) => options.UseSqlServer(connectionString);

    public override async Task<WriteTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        new(await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken));

    public override string Source(DbCommand command, RowSet rows, string alias)
    {
        Add(command, $"@{alias}", RowSetJson.Write(rows));
        var read = rows.Columns.Select(c => c.Kind switch
        {
            ColumnKind.Id => $"CONVERT(binary(16), j.{c.Name}, 2) AS {c.Name}",
            ColumnKind.Bytes => $"CONVERT(varbinary(max), j.{c.Name}, 2) AS {c.Name}",
            _ => $"j.{c.Name}",
        });
        var types = rows.Columns.Select(c => c.Name + c.Kind switch
        {
            ColumnKind.Id => " varchar(32)",
            ColumnKind.Bytes => " varchar(max)",
            ColumnKind.Text => " nvarchar(max)",
            _ => " bigint",
        });
        return $"(SELECT {string.Join(", ", read)} FROM OPENJSON(@{alias}) WITH ({string.Join(", ", types)}) AS j) AS {alias}";
    }

    public override string InsertIfAbsent(string table, string key, string columns, string source, string alias) => $"""
        INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}
        WHERE NOT EXISTS (SELECT 1 FROM {table} AS e WITH (UPDLOCK, HOLDLOCK) WHERE e.{key} = {alias}.{key})
        ORDER BY {alias}.{key}
        """;

    public override string UpdateFrom(string table, string assignments, string source, string condition) =>
        $"UPDATE t SET {assignments} FROM {table} AS t JOIN {source} ON {condition}";

    public override string Counted(string update) => update + "; SELECT @@ROWCOUNT";

    public override string OneAfter(string rows) => $"OFFSET {rows} ROWS FETCH NEXT 1 ROWS ONLY";

    public override string BoundLockWait(int milliseconds) => $"SET LOCK_TIMEOUT {milliseconds}; ";

    public override string LeaseOutgoing(string columns) => $"""
        WITH o AS (SELECT TOP (@limit) * FROM outgoing_messages WITH (UPDLOCK, READPAST, ROWLOCK) WHERE leased_until_ms <= {NowMilliseconds} ORDER BY id)
        UPDATE o SET leased_until_ms = {NowMilliseconds} + @lease_ms
        OUTPUT {columns.Replace("o.", "inserted.", StringComparison.Ordinal)}
        """;

    public override string LockSome(string columns, IReadOnlyList<string> tables, string condition, string order)
    {
        var locked = tables.Select(t => t + " WITH (UPDLOCK, READPAST, ROWLOCK)");
        return $"SELECT TOP (@limit) {columns} FROM {string.Join(", ", locked)} WHERE {condition} ORDER BY {order}";
    }

    protected override DatabaseFault ClassifyOwn(DbException exception) => exception is not SqlException sql
        ? DatabaseFault.Work
        : sql.Number switch
        {
            1205 or 3960 => DatabaseFault.Collision,
            1222 => DatabaseFault.LockTimeout,
            -2 => DatabaseFault.Timeout,
            // Broken or refused connections, a server that starts or stops, a full disk or log, the throttling codes of Azure SQL.
            -1 or 2 or 20 or 53 or 64 or 121 or 233 or 258 or 596 or 921 or 976 or 1105 or 3906 or 4060 or 4221 or 6005 or 9002 or
            10053 or 10054 or 10060 or 10061 or 10928 or 10929 or 11001 or 17142 or 18401 or 18456 or
            40143 or 40197 or 40501 or 40540 or 40613 or 49918 or 49919 or 49920 => DatabaseFault.Unavailable,
            _ => sql.Class >= 20 ? DatabaseFault.Unavailable : DatabaseFault.Work,
        };

    public override bool IsConnectionFailure(DbException exception) => exception is SqlException sql
        && (sql.Class >= 20 || sql.Number is -1 or 2 or 20 or 53 or 64 or 121 or 233 or 258 or 4060 or 10053 or 10054 or 10060 or 10061 or 11001 or 17142 or 18401 or 18456);

    public override bool IsClaimCollision(DbException exception) => exception is SqlException { Number: 2601 or 2627 };

    public override async Task<IReadOnlyList<string>> FindUnsafeSettingsAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = DelayedDurability;
        return await command.ExecuteScalarAsync(cancellationToken) is "FORCED"
            ? ["SQL Server runs this database with DELAYED_DURABILITY = FORCED, which can lose a commit that was answered. Run ALTER DATABASE CURRENT SET DELAYED_DURABILITY = DISABLED."]
            : [];
    }

    public const string DelayedDurability = "SELECT delayed_durability_desc FROM sys.databases WHERE database_id = DB_ID()";

    public override bool IsNoDatabase(DbException exception) => exception is SqlException { Number: 4060 };

    public override string CountTables => "SELECT COUNT(*) FROM sys.tables WHERE object_id = OBJECT_ID(@table)";

    public override string CountUniqueIndexes => """
        SELECT COUNT(*) FROM sys.indexes AS i
        WHERE i.object_id = OBJECT_ID(@table) AND i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0
          AND (SELECT COUNT(*) FROM sys.index_columns AS c WHERE c.object_id = i.object_id AND c.index_id = i.index_id AND c.key_ordinal > 0) = 1
          AND EXISTS (SELECT 1 FROM sys.index_columns AS c JOIN sys.columns AS n ON n.object_id = c.object_id AND n.column_id = c.column_id
                      WHERE c.object_id = i.object_id AND c.index_id = i.index_id AND c.key_ordinal = 1 AND n.name = @column)
        """;
}
