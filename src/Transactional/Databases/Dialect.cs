using System.Data.Common;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Transactional;

/// <summary>What a failure of the database means for the work that met it. Decided by error code, never by text.</summary>
internal enum DatabaseFault
{
    /// <summary>The work itself is at fault: a constraint, a wrong statement, a value out of range.</summary>
    Work,

    /// <summary>Two transactions met (deadlock, serialization failure, busy file): the same work succeeds when run again.</summary>
    Collision,

    /// <summary>A lock was not given within its bound.</summary>
    LockTimeout,

    /// <summary>The server did not answer in time: either it is away, or this statement is too slow. Ask it something simple to find out.</summary>
    Timeout,

    /// <summary>The server is away, starting, stopping, full or out of connections.</summary>
    Unavailable,
}

/// <summary>
/// The few things in which the databases differ. Everything else about a statement is the same text everywhere; the
/// statements themselves stand beside what they are for.
/// </summary>
internal abstract class Dialect
{
    /// <summary>How many transactions of one process may usefully run at once: one writer on SQLite.</summary>
    public abstract int Writers { get; }

    /// <summary>Milliseconds since 1970 by the database's clock: leases compare times of this one clock only.</summary>
    public abstract string NowMilliseconds { get; }

    public abstract DbConnection Connect();

    public abstract void Configure(DbContextOptionsBuilder options);

    /// <summary>Begins the one transaction of a unit of work, at READ COMMITTED or, on SQLite, as the one writer.</summary>
    public abstract Task<WriteTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken);

    /// <summary>
    /// Begins a transaction whose commit waits for no disk: for work that may be undone without harm when the database's machine
    /// fails, because undone it is only done again. What was committed before it is not touched by that.
    /// </summary>
    public virtual Task<WriteTransaction> BeginUnflushedAsync(DbConnection connection, CancellationToken cancellationToken) => BeginAsync(connection, cancellationToken);

    /// <summary>Ends a session that somebody else may be using at this moment: its transaction is undone, and no statement comes after that.</summary>
    public virtual Task EndSessionAsync(DbConnection connection) => connection.CloseAsync();

    /// <summary>
    /// Has the database find rows by index, whatever it believes of the size of its tables: a plan that was prepared while a table was
    /// small reads all of it, over and over, while it grows. For statements that ask for rows by key, within a transaction.
    /// </summary>
    /// <param name="statements">One or several, with a semicolon between them.</param>
    /// <param name="lockWaitMilliseconds">How long each lock is waited for; null leaves it as it is.</param>
    /// <param name="ending">What ends the transaction behind them (<see cref="WriteTransaction.Ending"/>); null when it goes on.</param>
    public virtual string ByIndex(string statements, int? lockWaitMilliseconds = null, string? ending = null) =>
        (lockWaitMilliseconds is { } bound ? BoundLockWait(bound) : "") + statements + (ending is null ? "" : "; " + ending);

    /// <summary>The rows as a table expression named <paramref name="alias"/>, their values bound to <paramref name="command"/>.</summary>
    public abstract string Source(DbCommand command, RowSet rows, string alias);

    /// <summary>
    /// Inserts the rows whose key is not there yet, in the order of the key, so that overlapping batches cannot deadlock. A key
    /// that another transaction is inserting is waited for: once this statement has run, every key is either ours or committed
    /// by someone else.
    /// </summary>
    public abstract string InsertIfAbsent(string table, string key, string columns, string source, string alias);

    /// <summary>
    /// Claims the keys that are free, and tells which those are, or else who holds each key that is asked for: to be read by
    /// <see cref="ReadClaimAsync"/>.
    /// </summary>
    public virtual string Claim(KeyClaim claim) =>
        InsertIfAbsent(claim.Table, "key_digest", claim.Columns, claim.Rows, "c") + "; "
        + (claim.Then is { } then ? then($"{claim.Table} AS s JOIN {claim.Asked} ON s.key_digest = a.key_digest AND s.id = a.id") + "; " : "")
        + $"SELECT {claim.Holder} FROM {claim.Table} AS h JOIN {claim.Asked} ON h.key_digest = a.key_digest";

    /// <summary>Reads what a <see cref="Claim"/> tells. A key of ours is told of as inserted, or by its row, as those of others are.</summary>
    /// <param name="reader">Before its first row.</param>
    /// <param name="inserted">Takes a key that the statement has inserted.</param>
    /// <param name="holder">Reads the columns of a holder.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task ReadClaimAsync(DbDataReader reader, Action<Guid> inserted, Action<DbDataReader> holder, CancellationToken cancellationToken)
    {
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                if (reader.FieldCount > 1)
                {
                    holder(reader);
                }
                else if (!await reader.IsDBNullAsync(0, cancellationToken))
                {
                    Array.ForEach(reader.GetFieldValue<Guid[]>(0), inserted);
                }
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
    }

    /// <summary>Updates the rows of <paramref name="table"/> (alias <c>t</c>) that <paramref name="condition"/> joins to the source.</summary>
    public virtual string UpdateFrom(string table, string assignments, string source, string condition) =>
        $"UPDATE {table} AS t SET {assignments} FROM {source} WHERE {condition}";

    /// <summary>Updates the rows (alias <c>t</c>) that a <see cref="Claim"/> of this transaction has inserted.</summary>
    /// <param name="command">The values are bound to it.</param>
    /// <param name="table">Where the claim was.</param>
    /// <param name="assignments">From the source <c>u</c>.</param>
    /// <param name="rows">One for each inserted row, in the order of their <c>key_digest</c>, which is a column.</param>
    public virtual string UpdateClaimed(DbCommand command, string table, string assignments, RowSet rows) =>
        UpdateFrom(table, assignments, Source(command, rows, "u"), "t.key_digest = u.key_digest");

    /// <summary>An update that gives the number of rows it changed.</summary>
    public abstract string Counted(string update);

    /// <summary>Behind ORDER BY: of the rows only the one after so many.</summary>
    public virtual string OneAfter(string rows) => $"LIMIT 1 OFFSET {rows}";

    /// <summary>Bounds the wait for a lock within this transaction; SQLite has no locks between rows to wait for.</summary>
    public virtual string BoundLockWait(int milliseconds) => "";

    /// <summary>Moves the lease of up to <c>@limit</c> rows whose lease has ended, skipping rows that another dispatcher is taking, and returns them.</summary>
    public abstract string LeaseOutgoing(string columns);

    /// <summary>
    /// Reads up to <c>@limit</c> rows joined from <paramref name="tables"/> (each <c>name AS alias</c>) and locks them until the
    /// transaction ends; rows that another transaction has locked are stepped around.
    /// </summary>
    public abstract string LockSome(string columns, IReadOnlyList<string> tables, string condition, string order);

    public DatabaseFault Classify(DbException exception) => exception is NoConnectionException ? DatabaseFault.Unavailable : ClassifyOwn(exception);

    /// <summary>No connection was to be had, or the one that was used is broken: whoever still has a whole one met this elsewhere.</summary>
    public abstract bool IsConnectionFailure(DbException exception);

    /// <summary>What the driver's own error codes mean.</summary>
    protected abstract DatabaseFault ClassifyOwn(DbException exception);

    /// <summary>
    /// Whether an error of the engine's own <see cref="InsertIfAbsent"/> says that two claims of one key met: then the work runs
    /// again. The same error from a business table is <see cref="DatabaseFault.Work"/>; it never means "duplicate message".
    /// </summary>
    public virtual bool IsClaimCollision(DbException exception) => false;

    /// <summary>Says what of the connection string alone could lose everything; null when nothing. Asked before there is a schema.</summary>
    public virtual string? FindUnsafeConnection() => null;

    /// <summary>Names the settings of this database that could lose a commit; empty when there are none.</summary>
    public abstract Task<IReadOnlyList<string>> FindUnsafeSettingsAsync(DbConnection connection, CancellationToken cancellationToken);

    /// <summary>False when it can be told without connecting that there is no database, because connecting would make one.</summary>
    public virtual bool MayExist => true;

    /// <summary>Whether an error of connecting says that there is no such database.</summary>
    public virtual bool IsNoDatabase(DbException exception) => false;

    /// <summary>A statement that gives the number of tables named <c>@table</c>.</summary>
    public abstract string CountTables { get; }

    /// <summary>A statement that gives the number of unique indexes of <c>@table</c> that consist of <c>@column</c> alone.</summary>
    public abstract string CountUniqueIndexes { get; }

    public virtual object ToId(Guid id) => id.ToByteArray(bigEndian: true);

    public virtual Guid ReadId(DbDataReader reader, int ordinal) => new((byte[])reader.GetValue(ordinal), bigEndian: true);

    public void AddId(DbCommand command, string name, Guid id) => Add(command, name, ToId(id));

    public static void Add(DbCommand command, string name, object? value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value ?? DBNull.Value;
        command.Parameters.Add(parameter);
    }
}
