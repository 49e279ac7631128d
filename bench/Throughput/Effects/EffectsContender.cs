using LinqToDB.Data;
using LinqToDB.EntityFrameworkCore;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Messaging.Throughput;

/// <summary>
/// Writes batch after batch of orders, each in a transaction and a DbContext of its own, as the engine has it: with our two handlers, and in the
/// ways that well-kept libraries have for many rows.
/// </summary>
internal static class EffectsContender
{
    public const string Prefix = "effects-";

    public static readonly string[] Ways = ["SaveChanges", "unnest", "COPY", "linq2db-rows", "linq2db-COPY"];

    private const int BatchSize = 400;

    public static async Task<double> RunAsync(string way, Assignment work)
    {
        await using var database = new Database(new DatabaseOptions(DatabaseProvider.PostgreSql, work.Database));
        var options = new DbContextOptionsBuilder<PostgreSqlConsumerContext>();
        database.Configure(options);
        LinqToDBForEFTools.Initialize();
        var progress = new Progress(work.Total);
        var batches = Enumerable.Range(0, work.Total).Select(Receive).Chunk(BatchSize).ToList();
        foreach (var batch in batches)
        {
            await using var context = new PostgreSqlConsumerContext(options.Options);
            context.Database.AutoSavepointsEnabled = false;
            await using var transaction = await context.Database.BeginTransactionAsync();
            await WriteAsync(way, batch, context);
            await transaction.CommitAsync();
            progress.Add(batch.Length);
        }

        return progress.PerSecond;
    }

    private static Incoming<SubmitOrder> Receive(int number)
    {
        var now = TimeProvider.System.GetUtcNow();
        var key = new ScopedKey(Orders.Client, SubmitOrder.Operation, Orders.KeyOf(number));
        return new Incoming<SubmitOrder>(new SubmitOrder(key.Client, key.Key, Guid.CreateVersion7(now), "", now, "book", 1 + (number % 1_000)), key, default, now);
    }

    private static async Task WriteAsync(string way, Incoming<SubmitOrder>[] batch, PostgreSqlConsumerContext context)
    {
        var (time, none) = (TimeProvider.System, CancellationToken.None);
        var settings = new OrdersOptions { PublishEvents = false };
        if (way == "unnest")
        {
            await new SubmitOrdersHandler(time, settings).HandleAsync(batch, context, none);
            return;
        }

        if (way == "SaveChanges")
        {
            var handler = new SubmitOrderHandler(time, settings);
            foreach (var incoming in batch)
            {
                await handler.HandleAsync(incoming, context, none);
            }

            await context.SaveChangesAsync();
            return;
        }

        var rows = Array.ConvertAll(batch, incoming => OrderRow.Of(incoming, time.GetUtcNow()));
        await (way switch
        {
            "COPY" => CopyAsync((NpgsqlConnection)context.Database.GetDbConnection(), rows),
            "linq2db-rows" => context.BulkCopyAsync(new BulkCopyOptions { BulkCopyType = BulkCopyType.MultipleRows }, rows),
            "linq2db-COPY" => context.BulkCopyAsync(new BulkCopyOptions { BulkCopyType = BulkCopyType.ProviderSpecific }, rows),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "no such way"),
        });
    }

    private static async Task CopyAsync(NpgsqlConnection connection, OrderRow[] rows)
    {
        await using var import = await connection.BeginBinaryImportAsync("COPY orders (id, order_id, client, idempotency_key, item, quantity, created_at) FROM STDIN (FORMAT BINARY)");
        foreach (var row in rows)
        {
            await import.StartRowAsync();
            await import.WriteAsync(row.Id, NpgsqlDbType.Uuid);
            await import.WriteAsync(row.OrderId, NpgsqlDbType.Uuid);
            await import.WriteAsync(row.Client, NpgsqlDbType.Text);
            await import.WriteAsync(row.IdempotencyKey, NpgsqlDbType.Text);
            await import.WriteAsync(row.Item, NpgsqlDbType.Text);
            await import.WriteAsync(row.Quantity, NpgsqlDbType.Integer);
            await import.WriteAsync(row.CreatedAt, NpgsqlDbType.TimestampTz);
        }

        await import.CompleteAsync();
    }
}
