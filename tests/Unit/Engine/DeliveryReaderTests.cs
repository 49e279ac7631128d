using System.Text;
using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class DeliveryReaderTests
{
    private static readonly DateTimeOffset ReceivedAt = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly Operation Operation = new Operation<Note, object, NoteHandler>("note", new OperationOptions<Note>
    {
        Validate = note => note.Text.Length == 0 ? "text is empty." : null,
    });

    [Fact]
    public void Plain_JSON_takes_its_identity_from_headers()
    {
        var read = Candidate(Plain("""{"text":"a"}""", (MessageHeaders.IdempotencyKey, "k"u8.ToArray()), ("CLIENT-ID", "acme")));

        Assert.Equal(new ScopedKey("acme", "note", "k"), read.Key);
        Assert.Equal(read.Key.ToDigest(), read.Digest);
        Assert.Equal(Fingerprint.Of("note", """{ "text" : "a" }"""u8.ToArray()), read.Fingerprint);
        Assert.Equal((ReceivedAt, new Note("a")), (read.AcceptedAt, read.Message));
    }

    [Fact]
    public void A_producer_that_names_no_client_is_external() =>
        Assert.Equal(new ScopedKey("external", "note", "k"), Candidate(Plain("""{"text":"a"}""", (MessageHeaders.IdempotencyKey, "k"))).Key);

    [Theory]
    [InlineData("1767323045678", 1767323045678)]
    [InlineData("-1", null)]
    [InlineData("soon", null)]
    [InlineData("99999999999999999999", null)]
    [InlineData("253402300800000", null)]
    public void The_time_of_acceptance_is_the_header_or_else_when_it_was_sent_or_received(string header, long? expected)
    {
        var sentAt = ReceivedAt.AddMinutes(-1);
        (string, object?)[] headers = [(MessageHeaders.IdempotencyKey, "k"), (MessageHeaders.AcceptedAt, header)];

        Assert.Equal(expected is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : sentAt, Candidate(Plain("""{"text":"a"}""", sentAt, headers)).AcceptedAt);
        Assert.Equal(expected is { } again ? DateTimeOffset.FromUnixTimeMilliseconds(again) : ReceivedAt, Candidate(Plain("""{"text":"a"}""", headers)).AcceptedAt);
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 and more than sixty-four characters", false)]
    [InlineData("anything", false)]
    public void Only_a_trace_context_is_carried_on(string header, bool carried)
    {
        var read = Candidate(Plain("""{"text":"a"}""", (MessageHeaders.IdempotencyKey, "k"), (MessageHeaders.TraceParent, header)));

        Assert.Equal(carried ? header : null, read.TraceParent);
    }

    [Theory]
    [InlineData("""{"text":""}""")]
    [InlineData("""{"text":null}""")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("{")]
    [InlineData("")]
    public void What_is_no_message_is_malformed(string body)
    {
        var read = Assert.IsType<Unreadable>(Read(Operation, Plain(body, (MessageHeaders.IdempotencyKey, "k"))));

        Assert.Equal((ParkingReason.Malformed, "k", new ScopedKey("external", "note", "k").ToDigest()), (read.Reason, read.Key, read.Digest));
    }

    [Fact]
    public void Reading_code_that_throws_anything_makes_the_message_malformed()
    {
        var operation = new Operation<Note, object, NoteHandler>("note", new OperationOptions<Note>
        {
            FromPayload = payload => new Note(payload.Json.GetProperty("text").GetString()!),
        });

        Assert.Equal(ParkingReason.Malformed, Assert.IsType<Unreadable>(Read(operation, Plain("[]", (MessageHeaders.IdempotencyKey, "k")))).Reason);
        Assert.Equal(ParkingReason.Malformed, Assert.IsType<Unreadable>(Read(operation, Plain("{}", (MessageHeaders.IdempotencyKey, "k")))).Reason);
    }

    [Fact]
    public void No_bytes_whatever_make_reading_throw()
    {
        var random = new Random(20260101);
        var envelope = """{"messageId":"x","message":{"text":"aé\ud83d\ude00"},"headers":{"Idempotency-Key":"k","accepted-at-ms":12,"\u0061":"\n"}}"""u8.ToArray();
        for (var i = 0; i < 50_000; i++)
        {
            var bytes = envelope.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : "{}[]\",:\\ud8n0"[random.Next(13)]);
            }

            var contentType = i % 2 == 0 ? MassTransitEnvelope.ContentType : null;
            Assert.NotNull(Read(Operation, Of(bytes.AsMemory(0, random.Next(10) == 0 ? random.Next(bytes.Length) : bytes.Length), contentType, null)));
        }
    }

    private static Reading Read(Operation operation, Delivery delivery) => DeliveryReader.Read(delivery, operation, ReceivedAt);

    private static Candidate Candidate(Delivery delivery) => Assert.IsType<Candidate>(Read(Operation, delivery));

    private static Delivery Plain(string body, params (string, object?)[] headers) => Of(Encoding.UTF8.GetBytes(body), "application/json", null, headers);

    private static Delivery Plain(string body, DateTimeOffset sentAt, (string, object?)[] headers) => Of(Encoding.UTF8.GetBytes(body), "application/json", sentAt, headers);

    private static Delivery Of(ReadOnlyMemory<byte> body, string? contentType, DateTimeOffset? sentAt, params (string Name, object? Value)[] headers) => new()
    {
        Queue = "notes",
        Body = body,
        ContentType = contentType,
        SentAt = sentAt,
        Headers = headers.ToDictionary(h => h.Name, h => h.Value, StringComparer.OrdinalIgnoreCase),
    };

    internal sealed record Note(string Text);

    internal sealed class NoteHandler : IHandler<Note, object>
    {
        public Task<Outcome> HandleAsync(Incoming<Note> incoming, object database, CancellationToken cancellationToken) => Task.FromResult(Outcome.Completed("noted"));
    }
}
