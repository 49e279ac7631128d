using System.Data;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Messaging.Transactional;

/// <summary>PostgreSQL. <c>ON CONFLICT DO NOTHING</c> at READ COMMITTED waits for a concurrent inserter of the same key to commit or roll back.</summary>
internal sealed class PostgreSqlDialect(NpgsqlDataSource dataSource) : Dialect
{
    /// <summary>
    /// A batch sends the same few statements every time, and EF Core one statement per row: prepared, they are parsed and planned once.
    /// A pooler that cannot keep prepared statements is told so in the connection string (<c>Max Auto Prepare=0</c>).
    /// </summary>
    private const int MaxAutoPrepare = 100;

    private static readonly TimeSpan EndSessionLimit = TimeSpan.FromSeconds(3);

    private static readonly string PlannerBound = SetPlanner("'off'");
    private static readonly string PlannerFree = SetPlanner("NULL");

    public override int Writers => 2;

    public override string NowMilliseconds => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

    public override DbConnection Connect() => dataSource.CreateConnection();

    public override void Configure(DbContextOptionsBuilder options) => options.UseNpgsql(dataSource);

    public override async Task<WriteTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        new(await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken)) { Ending = "COMMIT" };

    public override async Task<WriteTransaction> BeginUnflushedAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        var begun = await BeginAsync(connection, cancellationToken);
        return new WriteTransaction(begun.Inner) { Preamble = "SET LOCAL synchronous_commit = off; ", Ending = begun.Ending };
    }

    /// <summary>By the server: the driver would wait for the end of a statement, and share its answer with whoever sent it. Where it cannot be told so, the driver has to try.</summary>
    public override async Task EndSessionAsync(DbConnection connection)
    {
        using var limit = new CancellationTokenSource(EndSessionLimit);
        try
        {
            await using var other = await dataSource.OpenConnectionAsync(limit.Token);
            // Behind a pooler the number is not the server's. It would have to be that of another session of ours, which runs its transaction again.
            await using var command = new NpgsqlCommand("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = @pid AND usename = session_user AND datname = current_database()", other);
            command.Parameters.AddWithValue("pid", ((NpgsqlConnection)connection).ProcessID);
            await command.ExecuteNonQueryAsync(limit.Token);
        }
        catch (Exception exception) when (exception is DbException or OperationCanceledException or InvalidOperationException)
        {
            // No connection was to be had, or this one is closed already.
        }
    }

    /// <summary>
    /// The settings end with the transaction; one that goes on has the planner's choices back. Nor is such a statement compiled, which takes a
    /// fifth of a second where the planner believes that it will be long.
    /// </summary>
    public override string ByIndex(string statements, int? lockWaitMilliseconds = null, string? ending = null)
    {
        var bound = lockWaitMilliseconds is { } milliseconds ? $", set_config('lock_timeout', '{milliseconds}', true)" : "";
        return $"SELECT 1 WHERE concat({PlannerBound}{bound}) IS NULL; {statements}; {ending ?? $"SELECT 1 WHERE concat({PlannerFree}) IS NULL"}";
    }

    /// <summary>
    /// The keys that were inserted are told in one value. The others are read by a second statement, which alone sees what was committed while
    /// the first one waited; which they are is handed on within the transaction, and so is where the inserted rows stand, in the order of their keys.
    /// So no key is searched for that is known to be ours.
    /// </summary>
    public override string Claim(KeyClaim claim) => $"""
        WITH inserted AS ({InsertIfAbsent(claim.Table, "key_digest", claim.Columns, claim.Rows, "c")} RETURNING {claim.Returning}{(claim.IsUpdated ? ", ctid AS place" : "")}),
             {(claim.Then is { } then ? $"followed AS ({then("inserted AS s")})," : "")}
             {(claim.IsUpdated ? $"placed AS (SELECT {HandOn("places", "array_agg(place ORDER BY key_digest)")} FROM inserted)," : "")}
             held AS (SELECT {HandOn("held", "array_agg(a.key_digest)")} FROM {claim.Asked} WHERE a.key_digest NOT IN (SELECT key_digest FROM inserted))
        SELECT (SELECT array_agg(key_digest) FROM inserted) FROM held{(claim.IsUpdated ? ", placed" : "")};
        SELECT {claim.Holder} FROM unnest({HandedOn("held", "uuid")}) AS a (key_digest) JOIN {claim.Table} AS h ON h.key_digest = a.key_digest
        """;

    /// <summary>
    /// By where the rows stand: through an index of millions of keys each one would cost several reads that no cache has, once more after the claim's.
    /// Nobody but this transaction can have moved them. A row that its handler has changed stands elsewhere, and is not counted. The keys are compared
    /// in a way that no index serves, or the planner would take that.
    /// </summary>
    public override string UpdateClaimed(DbCommand command, string table, string assignments, RowSet rows) =>
        UpdateFrom(table, assignments, Unnest(command, rows, "u", [(HandedOn("places", "tid"), "place")]), "t.ctid = u.place AND t.key_digest IS NOT DISTINCT FROM u.key_digest");

    /// <exception cref="ArgumentException">The connection string cannot be read.</exception>
    public static NpgsqlDataSource CreateDataSource(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        if (!settings.ShouldSerialize("Max Auto Prepare"))
        {
            (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (MaxAutoPrepare, 2);
        }

        return NpgsqlDataSource.Create(settings);
    }

    public override string Source(DbCommand command, RowSet rows, string alias) => Unnest(command, rows, alias, []);

    public override string InsertIfAbsent(string table, string key, string columns, string source, string alias) =>
        $"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} ORDER BY {alias}.{key} ON CONFLICT ({key}) DO NOTHING";

    public override string Counted(string update) => $"WITH changed AS ({update} RETURNING 1) SELECT count(*) FROM changed";

    public override string BoundLockWait(int milliseconds) => $"SET LOCAL lock_timeout = {milliseconds}; ";

    /// <summary>
    /// The rows are picked once, whatever the plan: as a condition (<c>IN</c>), a plan that was made while the table was empty picks and locks them
    /// anew for each row of the table.
    /// </summary>
    public override string LeaseOutgoing(string columns) => $"""
        WITH due AS MATERIALIZED (
            SELECT id FROM outgoing_messages WHERE leased_until_ms <= {NowMilliseconds} ORDER BY id LIMIT @limit FOR UPDATE SKIP LOCKED)
        UPDATE outgoing_messages AS o SET leased_until_ms = {NowMilliseconds} + @lease_ms FROM due WHERE o.id = due.id
        RETURNING {columns}
        """;

    public override string LockSome(string columns, IReadOnlyList<string> tables, string condition, string order) =>
        $"SELECT {columns} FROM {string.Join(", ", tables)} WHERE {condition} ORDER BY {order} LIMIT @limit FOR UPDATE SKIP LOCKED";

    protected override DatabaseFault ClassifyOwn(DbException exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure } => DatabaseFault.Collision,
        // The server ended a session that stood still in its transaction, as a process does that was frozen: no fault of what it was doing.
        PostgresException { SqlState: "25P03" or "25P04" } => DatabaseFault.Collision,
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => DatabaseFault.LockTimeout,
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => DatabaseFault.Timeout,
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => DatabaseFault.Unavailable,
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => DatabaseFault.Unavailable,
        // Class 53 is "insufficient resources" (disk full, too many connections), 57P "operator intervention", 58 "system error", 08 "connection".
        PostgresException { SqlState: ['5', '3', ..] or ['5', '7', 'P', ..] or ['5', '8', ..] or ['0', '8', ..] } => DatabaseFault.Unavailable,
        PostgresException => DatabaseFault.Work,
        NpgsqlException { InnerException: TimeoutException } => DatabaseFault.Timeout,
        // Every other error that the server did not send is a broken, refused or exhausted connection.
        NpgsqlException => DatabaseFault.Unavailable,
        _ => DatabaseFault.Work,
    };

    public override bool IsConnectionFailure(DbException exception) => exception switch
    {
        PostgresException { SqlState: ['5', '7', 'P', ..] or ['0', '8', ..] or PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.InvalidCatalogName } => true,
        PostgresException or { InnerException: TimeoutException } => false,
        _ => exception is NpgsqlException,
    };

    public override async Task<IReadOnlyList<string>> FindUnsafeSettingsAsync(DbConnection connection, CancellationToken cancellationToken)
    {
        var found = new List<string>();
        foreach (var setting in (string[])["synchronous_commit", "fsync", "full_page_writes"])
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"SHOW {setting}";
            if (await command.ExecuteScalarAsync(cancellationToken) is "off")
            {
                found.Add($"PostgreSQL runs with {setting}=off, which can lose a commit that was answered. Set it to on, for this database, role and server.");
            }
        }

        return found;
    }

    public override bool IsNoDatabase(DbException exception) => exception is PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName };

    public override string CountTables => "SELECT count(*) FROM pg_class WHERE oid = to_regclass(@table)";

    public override string CountUniqueIndexes => """
        SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1
          AND t.oid = to_regclass(@table) AND a.attname = @column
        """;

    public override object ToId(Guid id) => id;

    public override Guid ReadId(DbDataReader reader, int ordinal) => reader.GetGuid(ordinal);

    /// <summary>Keeps an array for a later statement of this transaction.</summary>
    private static string HandOn(string name, string array) => $$"""set_config('messaging.{{name}}', coalesce({{array}}, '{}')::text, true)""";

    private static string HandedOn(string name, string type) => $"current_setting('messaging.{name}')::{type}[]";

    /// <param name="command">The values are bound to it.</param>
    /// <param name="rows">As many as each of the other arrays has values.</param>
    /// <param name="alias">What the rows are called.</param>
    /// <param name="others">Columns in front, each an array that the server has.</param>
    private static string Unnest(DbCommand command, RowSet rows, string alias, IReadOnlyList<(string Array, string Name)> others)
    {
        var arrays = new List<string>(others.Select(o => o.Array));
        foreach (var (name, kind, values) in rows.Columns)
        {
            var parameter = new NpgsqlParameter
            {
                ParameterName = $"{alias}_{name}",
                Value = values,
                NpgsqlDbType = NpgsqlDbType.Array | kind switch
                {
                    ColumnKind.Id => NpgsqlDbType.Uuid,
                    ColumnKind.Bytes => NpgsqlDbType.Bytea,
                    ColumnKind.Text => NpgsqlDbType.Text,
                    _ => NpgsqlDbType.Bigint,
                },
            };
            command.Parameters.Add(parameter);
            arrays.Add("@" + parameter.ParameterName);
        }

        return $"unnest({string.Join(", ", arrays)}) AS {alias} ({string.Join(", ", others.Select(o => o.Name).Concat(rows.Columns.Select(c => c.Name)))})";
    }

    private static string SetPlanner(string value) =>
        string.Join(", ", Array.ConvertAll(["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"], setting => $"set_config('{setting}', {value}, true)"));
}
