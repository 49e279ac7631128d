using System.Text.Json;
using System.Threading.Channels;
using Messaging.Contracts;
using Messaging.Transactional;
using Npgsql;
using NpgsqlTypes;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Throughput;

/// <summary>
/// The raw limit: RabbitMQ.Client, one hand-written statement per batch for claim, outcome and effect, two batches under way, as ours has them,
/// acknowledgements with <c>multiple</c>. It reads the same envelope and writes the same tables as ours, and lacks everything else: no
/// fingerprints are compared, nothing is parked, nothing retried, no broken connection is survived.
/// </summary>
internal static class RawConsumer
{
    private const int MaxBatch = 500;
    private const ushort Prefetch = 2_000;

    private const string Sql = """
        WITH claimed AS (
            INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, status, completed_at_ms)
            SELECT digest, client, 'submit-order', key, fingerprint, $9, $10, 'created', $10
            FROM unnest($1, $2, $3, $4) AS r (digest, client, key, fingerprint) ORDER BY digest
            ON CONFLICT (key_digest) DO NOTHING RETURNING key_digest)
        INSERT INTO orders (id, order_id, client, idempotency_key, item, quantity, created_at)
        SELECT row_id, order_id, client, key, item, quantity, now()
        FROM unnest($1, $2, $3, $5, $6, $7, $8) AS r (digest, client, key, row_id, order_id, item, quantity) JOIN claimed ON claimed.key_digest = r.digest
        """;

    public static async Task<double> RunAsync(Assignment work)
    {
        var progress = new Progress(work.Total);
        var received = Channel.CreateUnbounded<(ulong Tag, SubmitOrder Order)>();
        await using var connection = await Broker.ConnectAsync(work.Broker);
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicQosAsync(0, Prefetch, global: false);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            var envelope = MassTransitEnvelope.Read(delivery.Body);
            received.Writer.TryWrite((delivery.DeliveryTag, JsonSerializer.Deserialize<SubmitOrder>(envelope.Message.Span, JsonSerializerOptions.Web)!));
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(work.Queue, autoAck: false, consumer);

        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(work.Database) { MaxAutoPrepare = 10, AutoPrepareMinUsages = 2 });
        await using var first = await database.OpenConnectionAsync();
        await using var second = await database.OpenConnectionAsync();
        await using var odd = new NpgsqlCommand(Sql, first);
        await using var even = new NpgsqlCommand(Sql, second);
        NpgsqlCommand[] commands = [odd, even];
        Task[] settling = [Task.CompletedTask, Task.CompletedTask];
        for (var (taken, turn) = (0, 0); taken < work.Total; turn = 1 - turn)
        {
            // Whose turn it is has settled its last batch, and so every one before it; the other may be at its own.
            await settling[turn];
            await received.Reader.WaitToReadAsync();
            var batch = new List<(ulong Tag, SubmitOrder Order)>(MaxBatch);
            while (batch.Count < MaxBatch && received.Reader.TryRead(out var item))
            {
                batch.Add(item);
            }

            taken += batch.Count;
            settling[turn] = SettleAsync(commands[turn], batch, settling[1 - turn]);
        }

        await Task.WhenAll(settling);
        return progress.PerSecond;

        // An acknowledgement covers all deliveries before it: those of the other session are committed first. Keys go in order, so that no
        // session waits for one that waits for it; a deadlock would end the run.
        async Task SettleAsync(NpgsqlCommand command, List<(ulong Tag, SubmitOrder Order)> batch, Task before)
        {
            Bind(command, batch.ConvertAll(b => b.Order).DistinctBy(o => o.IdempotencyKey).ToList());
            await command.ExecuteNonQueryAsync();
            await before;
            await channel.BasicAckAsync(batch[^1].Tag, multiple: true);
            progress.Add(batch.Count);
        }
    }

    private static void Bind(NpgsqlCommand command, List<SubmitOrder> orders)
    {
        command.Parameters.Clear();
        Add(NpgsqlDbType.Uuid, orders.ConvertAll(o => new ScopedKey(o.Client, SubmitOrder.Operation, o.IdempotencyKey).ToDigest()));
        Add(NpgsqlDbType.Text, orders.ConvertAll(o => o.Client));
        Add(NpgsqlDbType.Text, orders.ConvertAll(o => o.IdempotencyKey));
        Add(NpgsqlDbType.Bytea, orders.ConvertAll(o => Convert.FromHexString(o.Fingerprint)));
        Add(NpgsqlDbType.Uuid, orders.ConvertAll(_ => Guid.CreateVersion7()));
        Add(NpgsqlDbType.Uuid, orders.ConvertAll(o => o.OrderId));
        Add(NpgsqlDbType.Text, orders.ConvertAll(o => o.Item));
        Add(NpgsqlDbType.Integer, orders.ConvertAll(o => o.Quantity));
        command.Parameters.Add(new NpgsqlParameter { Value = Guid.CreateVersion7() });
        command.Parameters.Add(new NpgsqlParameter { Value = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() });

        void Add<T>(NpgsqlDbType type, List<T> values) => command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | type, Value = values });
    }
}
