using System.Globalization;
using System.Text;
using System.Text.Json;
using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;
using MessageHeaders = Messaging.Transactional.MessageHeaders;

namespace Messaging.Database;

/// <summary>Deliveries as brokers hand them over, and submissions as the publisher makes them.</summary>
internal static class Message
{
    public const string Client = "acme";

    public static Delivery Of(string queue, string? key, ReadOnlyMemory<byte> body, string? contentType = "application/json", bool redelivered = false,
        string? messageId = null, long deliveryCount = 0, params (string Name, object? Value)[] headers)
    {
        var all = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase) { [MessageHeaders.ClientId] = Client };
        if (key is not null)
        {
            all[MessageHeaders.IdempotencyKey] = key;
        }

        foreach (var (name, value) in headers)
        {
            all[name] = value;
        }

        return new Delivery
        {
            Queue = queue,
            Body = body,
            ContentType = contentType,
            MessageId = messageId ?? Guid.CreateVersion7().ToString(),
            Headers = all,
            Redelivered = redelivered || deliveryCount > 0,
            DeliveryCount = deliveryCount,
        };
    }

    /// <summary>Plain JSON, as another team's service in any language sends it.</summary>
    public static Delivery Of(string queue, string? key, string body, params (string Name, object? Value)[] headers) =>
        Of(queue, key, Encoding.UTF8.GetBytes(body), headers: headers);

    public static Delivery OfProbe(string key, string word = "nothing", params (string Name, object? Value)[] headers) =>
        Of("probes", key, JsonSerializer.Serialize(new Probe(word), JsonSerializerOptions.Web), headers);

    public static Delivery OfOrder(string key, string item = "book", int quantity = 1) =>
        Of(SubmitOrder.Queue, key, JsonSerializer.Serialize(new { item, quantity }));

    public static Delivery OfPayment(string key, decimal amount, string client = Client, string currency = "EUR") =>
        Of(CapturePayment.Queue, key, string.Create(CultureInfo.InvariantCulture, $$"""{"amount":{{amount}},"currency":"{{currency}}"}"""), (MessageHeaders.ClientId, client));

    /// <summary>An order as the publisher's engine sends it: MassTransit's envelope, with the identity in headers.</summary>
    public static Delivery OfSubmission(Submission submission)
    {
        var message = OutgoingMessage.Of(submission);
        return Of(submission.Destination.Exchange, submission.Key.Key, MassTransitEnvelope.Write(message), MassTransitEnvelope.ContentType,
            messageId: message.Id.ToString(), headers: [.. MassTransitEnvelope.Identity(message).Select(h => (h.Name, (object?)h.Value))]);
    }

    public static Submission Submission(string key, string item = "book", int quantity = 1, string client = Client, DateTimeOffset? acceptedAt = null,
        string operation = SubmitOrder.Operation)
    {
        var now = acceptedAt ?? TimeProvider.System.GetUtcNow();
        var id = Guid.CreateVersion7();
        var fingerprint = Fingerprint.Of(operation, JsonSerializer.SerializeToUtf8Bytes(new { item, quantity }));
        return new Submission
        {
            Key = new ScopedKey(client, operation, key),
            Id = id,
            Fingerprint = fingerprint,
            Acceptance = Encoding.UTF8.GetBytes($$"""{"order_id":"{{id}}","note":"first answer, ünïcödé"}"""),
            AcceptedAt = now,
            Destination = Destination.Queue(SubmitOrder.Queue),
            MessageType = MessageUrn.ForTypeString<SubmitOrder>(),
            Body = JsonSerializer.SerializeToUtf8Bytes(new SubmitOrder(client, key, id, fingerprint.Hex, now, item, quantity), JsonSerializerOptions.Web),
        };
    }
}
