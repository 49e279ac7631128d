using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>How one operation reads its messages; what is not set has a default.</summary>
/// <typeparam name="TMessage">The contract.</typeparam>
public sealed class OperationOptions<TMessage>
{
    /// <summary>
    /// Makes the message of a foreign producer's plain JSON, which is only the payload. By default the payload is read as the contract.
    /// </summary>
    public Func<ForeignPayload, TMessage>? FromPayload { get; set; }

    /// <summary>Says what is wrong with a message, or null; a wrong one is parked as malformed and claims no key.</summary>
    public Func<TMessage, string?>? Validate { get; set; }
}

/// <summary>A foreign producer's payload and the identity that its headers gave it.</summary>
/// <param name="Json">The body.</param>
/// <param name="Key">Client, operation and idempotency key.</param>
/// <param name="Fingerprint">Of the body.</param>
/// <param name="AcceptedAt">When it was sent, or else received, UTC.</param>
public sealed record ForeignPayload(JsonElement Json, ScopedKey Key, Fingerprint Fingerprint, DateTimeOffset AcceptedAt);

/// <summary>One operation of the inbox: its stable name, how its messages are read, and what handles them.</summary>
internal abstract class Operation(string name)
{
    /// <summary>Tolerant towards newer producers (unknown members), strict about what the contract requires.</summary>
    protected static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowReadingFromString,
    };

    public string Name => name;

    /// <exception cref="JsonException">The message cannot be read as the contract, or is not valid.</exception>
    public abstract object Read(ReadOnlyMemory<byte> json, bool foreign, ScopedKey key, Fingerprint fingerprint, DateTimeOffset acceptedAt);

    public abstract Task<Outcome> HandleAsync(Candidate candidate, object database, IServiceProvider services, CancellationToken cancellationToken);
}

/// <inheritdoc cref="Operation"/>
internal sealed class Operation<TMessage, TContext, THandler>(string name, OperationOptions<TMessage> options) : Operation(name)
    where TMessage : class
    where TContext : class
    where THandler : class, IHandler<TMessage, TContext>
{
    public override object Read(ReadOnlyMemory<byte> json, bool foreign, ScopedKey key, Fingerprint fingerprint, DateTimeOffset acceptedAt)
    {
        TMessage message;
        if (foreign && options.FromPayload is { } fromPayload)
        {
            using var document = JsonDocument.Parse(json);
            message = fromPayload(new ForeignPayload(document.RootElement, key, fingerprint, acceptedAt));
        }
        else
        {
            message = JsonSerializer.Deserialize<TMessage>(json.Span, Json) ?? throw new JsonException("The message is null.");
        }

        return options.Validate?.Invoke(message) is { } problem ? throw new JsonException(problem) : message;
    }

    public override Task<Outcome> HandleAsync(Candidate candidate, object database, IServiceProvider services, CancellationToken cancellationToken) =>
        services.GetRequiredService<THandler>().HandleAsync(
            new Incoming<TMessage>((TMessage)candidate.Message, candidate.Key, candidate.Fingerprint, candidate.AcceptedAt),
            (TContext)database, cancellationToken);
}
