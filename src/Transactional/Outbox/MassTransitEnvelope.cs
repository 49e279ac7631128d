using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>
/// MassTransit's JSON envelope, read and written without its consume pipe, so that MassTransit producers and consumers of other teams
/// can be at the other end. Only what both ends need: the message, its types and its headers.
/// </summary>
/// <param name="Message">The message, UTF-8 JSON.</param>
/// <param name="Headers">The envelope's headers that are texts or numbers; names are compared without case.</param>
internal sealed record MassTransitEnvelope(ReadOnlyMemory<byte> Message, IReadOnlyDictionary<string, string> Headers)
{
    public const string ContentType = "application/vnd.masstransit+json";

    public static bool IsContentType(string? contentType) =>
        contentType is not null && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="JsonException">It is no JSON object with a <c>message</c>.</exception>
    public static MassTransitEnvelope Read(ReadOnlyMemory<byte> body)
    {
        var reader = new Utf8JsonReader(body.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("The envelope is no JSON object.");
        }

        ReadOnlyMemory<byte>? message = null;
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMessage = reader.ValueTextEquals("message"u8);
            var isHeaders = reader.ValueTextEquals("headers"u8);
            reader.Read();
            if (isHeaders && reader.TokenType == JsonTokenType.StartObject)
            {
                ReadHeaders(ref reader, headers);
                continue;
            }

            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isMessage)
            {
                message = body[start..(int)reader.BytesConsumed];
            }
        }

        if (reader.Read())
        {
            throw new JsonException("Something follows the envelope.");
        }

        return new MassTransitEnvelope(message ?? throw new JsonException("The envelope has no message."), headers);
    }

    public static byte[] Write(OutgoingMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Body.Length + 640);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("messageId"u8, message.Id);
            writer.WriteString("conversationId"u8, message.Id);
            writer.WriteStartArray("messageType"u8);
            writer.WriteStringValue(message.MessageType);
            writer.WriteEndArray();
            writer.WritePropertyName("message"u8);
            writer.WriteRawValue(message.Body, skipInputValidation: true);
            writer.WriteString("sentTime"u8, DateTimeOffset.FromUnixTimeMilliseconds(message.AcceptedAtMs).UtcDateTime);
            writer.WriteStartObject("headers"u8);
            foreach (var (name, value) in Identity(message))
            {
                writer.WriteString(name, value);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The headers that tell who a message is, for the envelope and for the transport.</summary>
    public static IEnumerable<(string Name, string Value)> Identity(OutgoingMessage message)
    {
        yield return (MessageHeaders.IdempotencyKey, message.IdempotencyKey);
        yield return (MessageHeaders.ClientId, message.Client);
        yield return (MessageHeaders.AcceptedAt, message.AcceptedAtMs.ToString(CultureInfo.InvariantCulture));
        if (message.Fingerprint is { } fingerprint)
        {
            yield return (MessageHeaders.Fingerprint, fingerprint.Hex);
        }

        if (message.TraceParent is { } trace)
        {
            yield return (MessageHeaders.TraceParent, trace);
        }
    }

    private static void ReadHeaders(ref Utf8JsonReader reader, Dictionary<string, string> headers)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Text(ref reader);
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.String:
                    headers[name] = Text(ref reader);
                    break;
                case JsonTokenType.Number:
                    headers[name] = System.Text.Encoding.UTF8.GetString(reader.ValueSpan);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("A header of the envelope is no valid text.", exception);
        }
    }
}
