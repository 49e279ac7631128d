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
    private readonly List<Candidate> _batch = [.. Enumerable.Range(0, BatchSize).Select(i =>
    {
        var key = new ScopedKey("bench", "submit-order", $"key-{i}");
        return new Candidate(key, key.ToDigest(), Fingerprint.Of("submit-order", Payload), DateTimeOffset.UnixEpoch, Payload, null);
    })];

    private readonly List<Guid> _asked;

    public HotFunctions() => _asked = _batch.ConvertAll(c => c.Digest);

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

    [Benchmark(Description = "canonical JSON")]
    public byte[] WriteCanonical() => CanonicalJson.Of(Payload);

    [Benchmark(Description = "digest of a scoped key")]
    public Guid TakeDigest() => _batch[0].Key.ToDigest();

    [Benchmark(Description = "MassTransit envelope")]
    public int ReadEnvelope() => MassTransitEnvelope.Read(_envelope).Message.Length;

    [Benchmark(Description = "claim of 200 keys: SQL and parameters")]
    public string BuildClaim()
    {
        using var command = new NpgsqlCommand();
        InboxTable.WriteClaim(new PostgreSqlDialect(_dataSource), command, Guid.Empty, _batch, _asked, nowMs: 0, lockWaitMilliseconds: 2_000);
        return command.CommandText;
    }
}
