using System.Globalization;
using System.Text.Json;
using MassTransit;
using Messaging.Consumer;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>A message whose effect tells which message it was. A foreign payload has only the word.</summary>
/// <param name="Id">Of the submission; empty when a foreign producer sent it.</param>
/// <param name="Word">What the client wants, and how the handler behaves.</param>
public sealed record ModelMessage(Guid Id, string Word)
{
    public const string Operation = "model";

    public const string Queue = "model";

    public const string Flaky = "flaky";

    public const string Poison = "poison";

    public static byte[] Payload(string word) => JsonSerializer.SerializeToUtf8Bytes(new { word });

    internal static Submission ToSubmission(string key, string word, DateTimeOffset acceptedAt)
    {
        var id = Guid.CreateVersion7();
        return new Submission
        {
            Key = new ScopedKey(Message.Client, Operation, key),
            Id = id,
            Fingerprint = Fingerprint.Of(Operation, Payload(word)),
            Acceptance = JsonSerializer.SerializeToUtf8Bytes(new { id }),
            AcceptedAt = acceptedAt,
            Destination = Destination.Queue(Queue),
            MessageType = MessageUrn.ForTypeString<ModelMessage>(),
            Body = JsonSerializer.SerializeToUtf8Bytes(new ModelMessage(id, word), JsonSerializerOptions.Web),
        };
    }

    internal static void AddInbox(EngineSetup setup) =>
        setup.Services.AddInbox<ConsumerContext>(setup.Configuration).Handle<ModelMessage, ModelHandler>(Operation, o =>
            o.FromPayload = payload => new ModelMessage(Guid.Empty, payload.Json.GetProperty("word").GetString()!));
}

/// <summary>Not idempotent: run twice, it leaves two rows.</summary>
internal sealed class ModelHandler(TimeProvider time, ProbeScript script) : IHandler<ModelMessage, ConsumerContext>
{
    public async Task<Outcome> HandleAsync(Incoming<ModelMessage> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        var (id, word) = incoming.Message;
        var now = time.GetUtcNow();
        database.Orders.Add(new OrderRow
        {
            Id = Guid.CreateVersion7(),
            OrderId = Guid.CreateVersion7(),
            Client = incoming.Key.Client,
            IdempotencyKey = incoming.Key.Key,
            Item = new Effect(incoming.Key.Key, word, incoming.AcceptedAt, now, id).ToItem(),
            Quantity = 1,
            CreatedAt = now,
        });
        await script.RunAsync(word.Split('-')[0], database, cancellationToken);
        return Outcome.Completed("done");
    }
}

/// <summary>What the handler left: of which message, and when.</summary>
internal sealed record Effect(string Key, string Word, DateTimeOffset AcceptedAt, DateTimeOffset At, Guid Id)
{
    public string ToItem() => string.Create(CultureInfo.InvariantCulture, $"{Word}@{AcceptedAt.ToUnixTimeMilliseconds()}@{At.ToUnixTimeMilliseconds()}@{Id}");

    public static Effect Read(string key, string item)
    {
        var parts = item.Split('@');
        return new Effect(key, parts[0], Time(parts[1]), Time(parts[2]), Guid.Parse(parts[3]));

        static DateTimeOffset Time(string text) => DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(text, CultureInfo.InvariantCulture));
    }
}
