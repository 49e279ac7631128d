using System.Text;
using System.Text.Json;
using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;
using MessageHeaders = Messaging.Transactional.MessageHeaders;

namespace Messaging.Unit;

/// <summary>Our envelope against MassTransit itself: what it writes we read, and what we write it consumes.</summary>
public sealed class EnvelopeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private static readonly SubmitOrder Order = new("acme", "k 1", new Guid("0199f3a2-5c1e-7b6d-8f00-0123456789ab"), new string('a', 64), At, "book 📚 \"é\"", 3);

    [Fact]
    public async Task An_envelope_that_MassTransit_wrote_is_read()
    {
        var received = new TaskCompletionSource<(byte[] Body, string? ContentType)>();
        var bus = Bus.Factory.CreateUsingInMemory(b => b.ReceiveEndpoint("orders", e => e.ConfigureReceive(pipe => pipe.UseFilter(new Catch(received)))));
        await bus.StartAsync(TestContext.Current.CancellationToken);

        var endpoint = await bus.GetSendEndpoint(new Uri("queue:orders"));
        await endpoint.Send(Order, context =>
        {
            context.Headers.Set(MessageHeaders.IdempotencyKey, "k 1");
            context.Headers.Set(MessageHeaders.AcceptedAt, At.ToUnixTimeMilliseconds());
            context.Headers.Set("nested", new Dictionary<string, object> { ["a"] = 1 });
        }, TestContext.Current.CancellationToken);
        var (body, contentType) = await received.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        await bus.StopAsync(TestContext.Current.CancellationToken);

        Assert.True(MassTransitEnvelope.IsContentType(contentType));
        var envelope = MassTransitEnvelope.Read(body);
        Assert.Equal(Order, JsonSerializer.Deserialize<SubmitOrder>(envelope.Message.Span, JsonSerializerOptions.Web));
        Assert.Equal("k 1", envelope.Headers["idempotency-key"]);
        Assert.Equal($"{At.ToUnixTimeMilliseconds()}", envelope.Headers[MessageHeaders.AcceptedAt]);
        Assert.False(envelope.Headers.ContainsKey("nested"));
    }

    [Fact]
    public async Task An_envelope_that_we_wrote_is_consumed_by_MassTransit()
    {
        var consumed = new TaskCompletionSource<ConsumeContext<SubmitOrder>>();
        var bus = Bus.Factory.CreateUsingInMemory(b => b.ReceiveEndpoint("orders", e => e.Handler<SubmitOrder>(context =>
        {
            consumed.TrySetResult(context);
            return Task.CompletedTask;
        })));
        await bus.StartAsync(TestContext.Current.CancellationToken);
        var message = Outgoing();

        Assert.Equal([SendResult.Confirmed], await new BusTransport(() => bus).SendAsync([message], TestContext.Current.CancellationToken));
        var context = await consumed.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        await bus.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(Order, context.Message);
        Assert.Equal((message.Id, message.Id, At.UtcDateTime), (context.MessageId!.Value, context.ConversationId!.Value, context.SentTime!.Value.ToUniversalTime()));
        Assert.Equal("k 1", context.Headers.Get<string>(MessageHeaders.IdempotencyKey));
        Assert.Equal("acme", context.Headers.Get<string>(MessageHeaders.ClientId));
        Assert.Equal(Order.Fingerprint, context.Headers.Get<string>(MessageHeaders.Fingerprint));
        Assert.Equal([MessageUrn.ForTypeString<SubmitOrder>()], context.SupportedMessageTypes);
    }

    [Fact]
    public void An_envelope_that_we_wrote_is_read_by_us()
    {
        var message = Outgoing();

        var envelope = MassTransitEnvelope.Read(MassTransitEnvelope.Write(message));

        Assert.Equal(message.Body, envelope.Message.ToArray());
        Assert.Equal(MassTransitEnvelope.Identity(message), envelope.Headers.Select(h => (h.Key, h.Value)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"headers":{}}""")]
    [InlineData("""{"message":{}} {}""")]
    [InlineData("""{"message":{}""")]
    [InlineData("""{"message":{},"headers":{"a":"\ud800"}}""")]
    [InlineData("""{"message":{},"headers":{"\ud800":"a"}}""")]
    public void What_is_no_envelope_is_an_error_of_JSON(string body) =>
        Assert.ThrowsAny<JsonException>(() => MassTransitEnvelope.Read(Encoding.UTF8.GetBytes(body)));

    private static OutgoingMessage Outgoing()
    {
        Assert.True(Fingerprint.TryParse(Order.Fingerprint, out var fingerprint));
        return new OutgoingMessage
        {
            Id = Order.OrderId,
            Destination = Destination.Queue("orders"),
            MessageType = MessageUrn.ForTypeString<SubmitOrder>(),
            Body = JsonSerializer.SerializeToUtf8Bytes(Order, JsonSerializerOptions.Web),
            Client = "acme",
            IdempotencyKey = "k 1",
            Fingerprint = fingerprint,
            AcceptedAtMs = At.ToUnixTimeMilliseconds(),
        };
    }

    private sealed class Catch(TaskCompletionSource<(byte[], string?)> received) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
        {
            received.TrySetResult((context.Body.GetBytes(), context.ContentType?.ToString()));
            return Task.CompletedTask;
        }

        public void Probe(ProbeContext context) => context.CreateFilterScope("catch");
    }
}
