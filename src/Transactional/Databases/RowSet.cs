namespace Messaging.Transactional;

/// <summary>What a column of a <see cref="RowSet"/> holds; each dialect binds each kind in its own way.</summary>
internal enum ColumnKind
{
    /// <summary>Sixteen bytes: a digest or a time-ordered id, compared big-endian.</summary>
    Id,

    /// <summary>Any bytes.</summary>
    Bytes,

    /// <summary>Characters.</summary>
    Text,

    /// <summary>A 64-bit integer.</summary>
    Number,
}

/// <summary>A column: its name, what it holds, and its value in each row.</summary>
internal readonly record struct Column(string Name, ColumnKind Kind, Array Values);

/// <summary>
/// Rows of parameters that a statement reads like a table, so that a batch of any size is one statement of one text:
/// <c>unnest</c> on PostgreSQL, <c>OPENJSON</c> on SQL Server, <c>jsonb_each</c> on SQLite.
/// </summary>
internal sealed class RowSet(int count)
{
    private readonly List<Column> _columns = [];

    public int Count => count;

    public IReadOnlyList<Column> Columns => _columns;

    public static RowSet Of<T>(IReadOnlyList<T> rows, Action<RowSet, IReadOnlyList<T>> columns)
    {
        var set = new RowSet(rows.Count);
        columns(set, rows);
        return set;
    }

    public static RowSet OfIds(string name, IReadOnlyList<Guid> ids) => Of(ids, (set, rows) => set.Ids(name, rows, id => id));

    public RowSet Ids<T>(string name, IReadOnlyList<T> rows, Func<T, Guid> value) => Add(name, ColumnKind.Id, rows, value);

    public RowSet Ids<T>(string name, IReadOnlyList<T> rows, Func<T, Guid?> value) => Add(name, ColumnKind.Id, rows, value);

    public RowSet Bytes<T>(string name, IReadOnlyList<T> rows, Func<T, byte[]?> value) => Add(name, ColumnKind.Bytes, rows, value);

    public RowSet Text<T>(string name, IReadOnlyList<T> rows, Func<T, string?> value) => Add(name, ColumnKind.Text, rows, value);

    public RowSet Numbers<T>(string name, IReadOnlyList<T> rows, Func<T, long> value) => Add(name, ColumnKind.Number, rows, value);

    public RowSet Numbers<T>(string name, IReadOnlyList<T> rows, Func<T, long?> value) => Add(name, ColumnKind.Number, rows, value);

    private RowSet Add<T, TValue>(string name, ColumnKind kind, IReadOnlyList<T> rows, Func<T, TValue> value)
    {
        var values = new TValue[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = value(rows[i]);
        }

        _columns.Add(new Column(name, kind, values));
        return this;
    }
}
