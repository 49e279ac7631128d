using System.Diagnostics;
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

    /// <summary>Runs the handler for every candidate; what comes back has the same order.</summary>
    public abstract Task<IReadOnlyList<Handled>> HandleAsync(IReadOnlyList<Candidate> candidates, object database, IServiceProvider services, HandlerLimit limit);
}

/// <summary>What a handler answered for one candidate, and the trace that its events continue.</summary>
internal readonly record struct Handled(Candidate Candidate, Outcome Outcome, string? TraceParent);

/// <summary>Reads messages of one contract; how they are handled is left open.</summary>
internal abstract class Operation<TMessage, TContext>(string name, OperationOptions<TMessage> options) : Operation(name)
    where TMessage : class
    where TContext : class
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

    protected static Incoming<TMessage> ToIncoming(Candidate candidate) =>
        new((TMessage)candidate.Message, candidate.Key, candidate.Fingerprint, candidate.AcceptedAt);
}

/// <summary>Handled message by message.</summary>
internal sealed class Operation<TMessage, TContext, THandler>(string name, OperationOptions<TMessage> options) : Operation<TMessage, TContext>(name, options)
    where TMessage : class
    where TContext : class
    where THandler : class, IHandler<TMessage, TContext>
{
    private readonly string _activityName = name + " process";

    public override async Task<IReadOnlyList<Handled>> HandleAsync(
        IReadOnlyList<Candidate> candidates, object database, IServiceProvider services, HandlerLimit limit)
    {
        var handler = services.GetRequiredService<THandler>();
        var handled = new Handled[candidates.Count];
        for (var i = 0; i < handled.Length; i++)
        {
            var candidate = candidates[i];
            using var activity = EngineMetrics.Traces.StartActivity(_activityName, ActivityKind.Consumer, candidate.TraceParent);
            limit.Restart();
            var outcome = await handler.HandleAsync(ToIncoming(candidate), (TContext)database, limit.Token);
            CrashPoint.Reach("C3", i + 1, candidate.Key.Key);
            handled[i] = new Handled(candidate, outcome, activity?.Id ?? candidate.TraceParent);
        }

        return handled;
    }
}

/// <summary>Handled as a set. One activity stands for the batch and links to the trace of each message.</summary>
internal sealed class BatchOperation<TMessage, TContext, THandler>(string name, OperationOptions<TMessage> options) : Operation<TMessage, TContext>(name, options)
    where TMessage : class
    where TContext : class
    where THandler : class, IBatchHandler<TMessage, TContext>
{
    private readonly string _activityName = name + " process";

    public override async Task<IReadOnlyList<Handled>> HandleAsync(
        IReadOnlyList<Candidate> candidates, object database, IServiceProvider services, HandlerLimit limit)
    {
        using var activity = EngineMetrics.Traces.HasListeners()
            ? EngineMetrics.Traces.StartActivity(_activityName, ActivityKind.Consumer, parentContext: default, links: Links(candidates))
            : null;
        var incoming = candidates.Select(ToIncoming).ToList();
        limit.Restart();
        var outcomes = await services.GetRequiredService<THandler>().HandleAsync(incoming, (TContext)database, limit.Token);
        CrashPoint.Reach("C3", outcomes.Count);
        return outcomes.Count == candidates.Count
            ? [.. candidates.Zip(outcomes, (candidate, outcome) => new Handled(candidate, outcome, candidate.TraceParent))]
            : throw new InvalidOperationException($"{typeof(THandler).Name} answered {outcomes.Count} outcomes for {candidates.Count} messages; it must answer one for each, in order.");
    }

    private static List<ActivityLink> Links(IReadOnlyList<Candidate> candidates)
    {
        var links = new List<ActivityLink>(candidates.Count);
        foreach (var candidate in candidates)
        {
            if (ActivityContext.TryParse(candidate.TraceParent, null, out var context))
            {
                links.Add(new ActivityLink(context));
            }
        }

        return links;
    }
}
