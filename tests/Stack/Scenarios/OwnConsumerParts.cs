using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using MassTransit;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Stack;

/// <summary>What another team's service may have: a consumer as the README shows it.</summary>
internal sealed class OrderConsumer : IConsumer<SubmitOrder>
{
    public Task Consume(ConsumeContext<SubmitOrder> context) => context.ProcessOnceAsync();
}

/// <summary>A filter that looks into the database before each message, and then fails once by itself.</summary>
internal sealed class Asks(string database, Entered entered) : IFilter<ConsumeContext>
{
    private readonly ConcurrentDictionary<string, bool> _failed = new();

    public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        entered.Count();
        await using (var connection = new NpgsqlConnection(database))
        {
            await connection.OpenAsync(context.CancellationToken);
            await using var command = new NpgsqlCommand("SELECT 1", connection);
            await command.ExecuteScalarAsync(context.CancellationToken);
        }

        if (_failed.TryAdd(context.ReceiveContext.TransportHeaders.Get<string>("Idempotency-Key")!, true))
        {
            throw new InvalidDataException("the first time");
        }

        await next.Send(context);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("asks");
}

internal sealed class BatchConsumer : IConsumer<Batch<SubmitOrder>>
{
    public Task Consume(ConsumeContext<Batch<SubmitOrder>> context) => context.ProcessOnceAsync();
}

internal sealed class Entered
{
    private int _times;

    public int Times => Volatile.Read(ref _times);

    public bool Count() => Interlocked.Increment(ref _times) > 0;
}

/// <summary>The first message is given up, as by a defect of the inbox.</summary>
internal sealed class GivesUpOnce(IInbox inner) : IInbox
{
    private int _times;

    public string Operation => inner.Operation;

    public int PrefetchCount => inner.PrefetchCount;

    public ReadDelivery Read(Delivery delivery) => inner.Read(delivery);

    public Task<bool> WaitOutAsync(Exception exception, CancellationToken cancellationToken) => inner.WaitOutAsync(exception, cancellationToken);

    public async ValueTask<Task> AddAsync(ReadDelivery item, CancellationToken cancellationToken) =>
        Interlocked.Increment(ref _times) == 1 ? Task.FromException(new InvalidOperationException("given up")) : await inner.AddAsync(item, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

internal sealed class KeyFilter(Func<string, bool> lets) : IFilter<ConsumeContext>
{
    public Task Send(ConsumeContext context, IPipe<ConsumeContext> next) =>
        lets(context.ReceiveContext.TransportHeaders.Get<string>("Idempotency-Key")!) ? next.Send(context) : Task.CompletedTask;

    public void Probe(ProbeContext context) => context.CreateFilterScope("test");
}

/// <summary>A contract that can be read and not written.</summary>
public sealed record Unwritable([property: JsonConverter(typeof(Unwritable.Reader))] string Word)
{
    internal sealed class Reader : JsonConverter<string>
    {
        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()!;

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => throw new NotSupportedException("It is only read.");
    }
}

internal sealed class UnwritableHandler : IHandler<Unwritable, ConsumerContext>
{
    public Task<Outcome> HandleAsync(Incoming<Unwritable> incoming, ConsumerContext database, CancellationToken cancellationToken) => Task.FromResult(Outcome.Completed("done"));
}

/// <summary>Reads as an order, and is none.</summary>
public sealed record OtherOrder(string Client, string IdempotencyKey, Guid OrderId, string Fingerprint, DateTimeOffset AcceptedAt, string Item, int Quantity);
