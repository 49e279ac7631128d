using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Messaging.Throughput;

/// <summary>
/// What the disk allows: one loop on one connection, hand-written statements prepared once, WAL and synchronous=FULL. Groups of 64
/// orders are stored with their outgoing messages in one commit, and claimed and put into effect in a second
/// one. It has no HTTP, no broker, no fingerprints, no retries, and nothing happens beside anything else.
/// </summary>
internal static class SqliteLoop
{
    private const int Group = 64;

    private const string Tables = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE submissions (id BLOB PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, body TEXT NOT NULL, accepted_at_ms INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE outgoing_messages (id BLOB PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE inbox (idempotency_key TEXT PRIMARY KEY, status TEXT NOT NULL, completed_at_ms INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE orders (id BLOB PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, item TEXT NOT NULL, quantity INTEGER NOT NULL) WITHOUT ROWID;
        """;

    /// <returns>Orders accepted and processed per second, the warm-up not counted.</returns>
    public static double Run(string file, int total)
    {
        using var connection = new SqliteConnection($"Data Source={file}");
        connection.Open();
        Do(connection, Tables);
        Do(connection, "PRAGMA synchronous = FULL");
        using var store = Prepare(connection, "INSERT INTO submissions VALUES ($id, $key, $body, $now) ON CONFLICT DO NOTHING", "$id", "$key", "$body", "$now");
        using var send = Prepare(connection, "INSERT INTO outgoing_messages VALUES ($id, $body)", "$id", "$body");
        using var claim = Prepare(connection, "INSERT INTO inbox VALUES ($key, 'created', $now) ON CONFLICT DO NOTHING", "$key", "$now");
        using var order = Prepare(connection, "INSERT INTO orders VALUES ($id, $key, 'book', $quantity)", "$id", "$key", "$quantity");
        using var sent = Prepare(connection, "DELETE FROM outgoing_messages WHERE id = $id", "$id");

        var progress = new Progress(total);
        for (var first = 0; first < total; first += Group)
        {
            var group = Enumerable.Range(first, Math.Min(Group, total - first)).Select(i => (Id: Guid.CreateVersion7().ToByteArray(bigEndian: true), Number: i)).ToList();
            Commit(connection, group, (id, key, number) =>
            {
                var body = string.Create(CultureInfo.InvariantCulture, $$"""{"item":"book","quantity":{{1 + (number % 9)}}}""");
                Execute(store, id, key, body, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
                Execute(send, id, body);
            });
            Commit(connection, group, (id, key, number) =>
            {
                if (Execute(claim, key, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()) == 1)
                {
                    Execute(order, id, key, 1 + (number % 9));
                }

                Execute(sent, id);
            });
            progress.Add(group.Count);
        }

        using var count = Prepare(connection, "SELECT (SELECT COUNT(*) FROM orders) - (SELECT COUNT(*) FROM outgoing_messages)");
        var effects = Convert.ToInt64(count.ExecuteScalar(), CultureInfo.InvariantCulture);
        return effects == total ? progress.PerSecond : throw new InvalidOperationException($"Not exactly once: {total} orders, {effects} effects");
    }

    private static void Commit(SqliteConnection connection, List<(byte[] Id, int Number)> group, Action<byte[], string, int> each)
    {
        Do(connection, "BEGIN IMMEDIATE");
        group.ForEach(o => each(o.Id, string.Create(CultureInfo.InvariantCulture, $"key-{o.Number}"), o.Number));
        Do(connection, "COMMIT");
    }

    private static int Execute(SqliteCommand command, params object[] values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command.ExecuteNonQuery();
    }

    private static void Do(SqliteConnection connection, string sql)
    {
        using var command = Prepare(connection, sql);
        command.ExecuteNonQuery();
    }

    private static SqliteCommand Prepare(SqliteConnection connection, string sql, params string[] parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }
}
