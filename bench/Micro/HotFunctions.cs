using System.Text;
using BenchmarkDotNet.Attributes;
using Messaging.Publisher;
using Messaging.Transactional;
using Microsoft.Extensions.Primitives;
using Npgsql;

namespace Messaging.Micro;

/// <summary>What runs once for every request, delivery or batch.</summary>
[MemoryDiagnoser]
public class HotFunctions
{
    private const int BatchSize = 200;

    private static readonly StringValues Header = new("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"");
    private static readonly byte[] Payload = """{"quantity": 1.0, "item": "a book with ünïcode"}"""u8.ToArray();

    private readonly NpgsqlDataSource _dataSource = NpgsqlDataSource.Create("Host=unused");
    private readonly List<(Guid Digest, ScopedKey Key, Fingerprint Fingerprint)> _batch = [.. Enumerable.Range(0, BatchSize).Select(i =>
    {
        var key = new ScopedKey("bench", "submit-order", $"key-{i}");
        return (key.ToDigest(), key, Fingerprint.Of("submit-order", Payload));
    })];

    private readonly byte[] _envelope = MassTransitEnvelope.Write(new OutgoingMessage
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Queue("orders"),
        MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
        Body = Encoding.UTF8.GetBytes("""{"client":"bench","idempotencyKey":"key-1","orderId":"0199b7c4-0000-7000-8000-000000000000","item":"book","quantity":1}"""),
        Client = "bench",
        IdempotencyKey = "key-1",
        AcceptedAtMs = 1_700_000_000_000,
    });

    [Benchmark(Description = "Idempotency-Key header")]
    public string ReadHeader()
    {
        IdempotencyKey.Read(Header, strict: false, out var key);
        return key.Value;
    }

    [Benchmark(Description = "canonical JSON and fingerprint")]
    public string TakeFingerprint() => Fingerprint.Of("submit-order", Payload).Hex;

    [Benchmark(Description = "digest of a scoped key")]
    public Guid TakeDigest() => _batch[0].Key.ToDigest();

    [Benchmark(Description = "MassTransit envelope")]
    public int ReadEnvelope() => MassTransitEnvelope.Read(_envelope).Message.Length;

    [Benchmark(Description = "claim of 200 keys: SQL and parameters")]
    public string BuildClaim()
    {
        var dialect = new PostgreSqlDialect(_dataSource);
        using var command = new NpgsqlCommand();
        var rows = RowSet.Of(_batch, (set, all) => set
            .Ids("key_digest", all, c => c.Digest)
            .Text("client", all, c => c.Key.Client)
            .Text("idempotency_key", all, c => c.Key.Key)
            .Bytes("fingerprint", all, c => c.Fingerprint.ToBytes()));
        return dialect.InsertIfAbsent("inbox", "key_digest", "key_digest, client, idempotency_key, fingerprint", dialect.Source(command, rows, "c"), "c");
    }
}
