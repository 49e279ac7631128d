using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Messaging.Consumer;

/// <summary>
/// Creates the orders of a batch as a set; nothing is tracked. On PostgreSQL the rows travel as one array per column: one statement of one
/// text serves a batch of any size. In SQLite, which no network lies before, one prepared statement takes them row by row. On SQL Server
/// EF Core's own batching writes them.
/// </summary>
internal sealed class SubmitOrdersHandler(TimeProvider time, OrdersOptions options) : IBatchHandler<SubmitOrder, ConsumerContext>
{
    public async Task<IReadOnlyList<Outcome>> HandleAsync(IReadOnlyList<Incoming<SubmitOrder>> batch, ConsumerContext database, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var rows = batch.Select(incoming => OrderRow.Of(incoming, now)).ToList();
        if (database.Database.IsNpgsql())
        {
            await InsertAsync(rows, now, database, cancellationToken);
        }
        else if (database.Database.IsSqlite())
        {
            await InsertEachAsync(rows, database, cancellationToken);
        }
        else
        {
            database.Orders.AddRange(rows);
        }

        return rows.ConvertAll(row => SubmitOrderHandler.Answer(row, options));
    }

    private static Task<int> InsertAsync(List<OrderRow> rows, DateTimeOffset now, ConsumerContext database, CancellationToken cancellationToken)
    {
        var ids = rows.Select(r => r.Id).ToArray();
        var orderIds = rows.Select(r => r.OrderId).ToArray();
        var clients = rows.Select(r => r.Client).ToArray();
        var keys = rows.Select(r => r.IdempotencyKey).ToArray();
        var items = rows.Select(r => r.Item).ToArray();
        var quantities = rows.Select(r => r.Quantity).ToArray();
        return database.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO orders (id, order_id, client, idempotency_key, item, quantity, created_at)
            SELECT r.id, r.order_id, r.client, r.idempotency_key, r.item, r.quantity, {now}
            FROM unnest({ids}, {orderIds}, {clients}, {keys}, {items}, {quantities}) AS r (id, order_id, client, idempotency_key, item, quantity)
            """, cancellationToken);
    }

    private static async Task InsertEachAsync(List<OrderRow> rows, ConsumerContext database, CancellationToken cancellationToken)
    {
        await using var command = database.Database.GetDbConnection().CreateCommand();
        command.Transaction = database.Database.CurrentTransaction!.GetDbTransaction();
        command.CommandText = """
            INSERT INTO orders (id, order_id, client, idempotency_key, item, quantity, created_at)
            VALUES ($id, $order_id, $client, $idempotency_key, $item, $quantity, $created_at)
            """;
        string[] names = ["$id", "$order_id", "$client", "$idempotency_key", "$item", "$quantity", "$created_at"];
        var parameters = Array.ConvertAll(names, name => new SqliteParameter { ParameterName = name });
        command.Parameters.AddRange(parameters);
        foreach (var row in rows)
        {
            object[] values = [row.Id, row.OrderId, row.Client, row.IdempotencyKey, row.Item, row.Quantity, row.CreatedAt];
            for (var i = 0; i < values.Length; i++)
            {
                parameters[i].Value = values[i];
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
