using System.Data.Common;
using System.Runtime.CompilerServices;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Stack;

/// <summary>A broken claim, as peers have it: look first, insert if nothing was there. What holds for all databases is the base's, everything else the dialect's own.</summary>
internal sealed class ExistsThenInsert(Dialect inner) : Dialect
{
    public override int Writers => inner.Writers;

    public override string NowMilliseconds => inner.NowMilliseconds;

    public override string CountUniqueIndexes => inner.CountUniqueIndexes;

    public override string CountTables => inner.CountTables;

    public override bool MayExist => inner.MayExist;

    public override bool IsNoDatabase(DbException exception) => inner.IsNoDatabase(exception);

    /// <summary>Into a service that is built and not started.</summary>
    public static void BreakInto(Transactional.Database database)
    {
        ref var dialect = ref DialectOf(database);
        dialect = new ExistsThenInsert(dialect);
    }

    public override string InsertIfAbsent(string table, string key, string columns, string source, string alias) =>
        table != "inbox" ? inner.InsertIfAbsent(table, key, columns, source, alias)
        : $"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} WHERE NOT EXISTS (SELECT 1 FROM {table} AS e WHERE e.{key} = {alias}.{key})";

    public override DbConnection Connect() => inner.Connect();

    public override void Configure(DbContextOptionsBuilder options) => inner.Configure(options);

    public override Task<WriteTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) => inner.BeginAsync(connection, cancellationToken);

    public override string Source(DbCommand command, RowSet rows, string alias) => inner.Source(command, rows, alias);

    public override string UpdateFrom(string table, string assignments, string source, string condition) => inner.UpdateFrom(table, assignments, source, condition);

    public override string Counted(string update) => inner.Counted(update);

    public override string BoundLockWait(int milliseconds) => inner.BoundLockWait(milliseconds);

    public override string LeaseOutgoing(string columns) => inner.LeaseOutgoing(columns);

    public override string LockSome(string columns, IReadOnlyList<string> tables, string condition, string order) => inner.LockSome(columns, tables, condition, order);

    protected override DatabaseFault ClassifyOwn(DbException exception) => inner.Classify(exception);

    public override bool IsConnectionFailure(DbException exception) => inner.IsConnectionFailure(exception);

    public override Task<IReadOnlyList<string>> FindUnsafeSettingsAsync(DbConnection connection, CancellationToken cancellationToken) =>
        inner.FindUnsafeSettingsAsync(connection, cancellationToken);

    public override object ToId(Guid id) => inner.ToId(id);

    public override Guid ReadId(DbDataReader reader, int ordinal) => inner.ReadId(reader, ordinal);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Dialect>k__BackingField")]
    private static extern ref Dialect DialectOf(Transactional.Database database);
}
