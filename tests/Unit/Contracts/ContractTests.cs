using System.Text;
using System.Text.Json;
using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>What travels between services, pinned: a change here breaks whoever is deployed beside it.</summary>
public sealed class ContractTests
{
    private static readonly Guid Id = new("0199f3a2-5c1e-7b6d-8f00-0123456789ab");
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private static readonly Dictionary<Type, (object Value, string Json, string Urn, string Exchange)> Contracts = new()
    {
        [typeof(SubmitOrder)] = (
            new SubmitOrder("acme", "k 1", Id, "ab12", At, "book", 3),
            """{"client":"acme","idempotencyKey":"k 1","orderId":"0199f3a2-5c1e-7b6d-8f00-0123456789ab","fingerprint":"ab12","acceptedAt":"2026-01-02T03:04:05.678+00:00","item":"book","quantity":3}""",
            "urn:message:Messaging.Contracts:SubmitOrder", "Messaging.Contracts:SubmitOrder"),
        [typeof(CapturePayment)] = (
            new CapturePayment("acme", "k 1", Id, "ab12", At, 12.3400m, "EUR"),
            """{"client":"acme","idempotencyKey":"k 1","paymentId":"0199f3a2-5c1e-7b6d-8f00-0123456789ab","fingerprint":"ab12","acceptedAt":"2026-01-02T03:04:05.678+00:00","amount":12.3400,"currency":"EUR"}""",
            "urn:message:Messaging.Contracts:CapturePayment", "Messaging.Contracts:CapturePayment"),
        [typeof(OrderCreated)] = (
            new OrderCreated("acme", Id, "book", 3, At),
            """{"client":"acme","orderId":"0199f3a2-5c1e-7b6d-8f00-0123456789ab","item":"book","quantity":3,"createdAt":"2026-01-02T03:04:05.678+00:00"}""",
            "urn:message:Messaging.Contracts:OrderCreated", "Messaging.Contracts:OrderCreated"),
        [typeof(PaymentCaptured)] = (
            new PaymentCaptured("acme", Id, 12.34m, "EUR", At),
            """{"client":"acme","paymentId":"0199f3a2-5c1e-7b6d-8f00-0123456789ab","amount":12.34,"currency":"EUR","capturedAt":"2026-01-02T03:04:05.678+00:00"}""",
            "urn:message:Messaging.Contracts:PaymentCaptured", "Messaging.Contracts:PaymentCaptured"),
    };

    [Fact]
    public void Every_contract_is_pinned() =>
        Assert.Equal(typeof(SubmitOrder).Assembly.GetExportedTypes().Select(t => t.Name).Order(), Contracts.Keys.Select(t => t.Name).Order());

    [Fact]
    public void Contracts_are_sealed_records_in_a_namespace_and_need_no_package()
    {
        Assert.All(Contracts.Keys, t => Assert.True(t is { IsSealed: true, Namespace: "Messaging.Contracts" } && t.GetMethod("<Clone>$") is not null));
        Assert.All(typeof(SubmitOrder).Assembly.GetReferencedAssemblies(), a => Assert.StartsWith("System.", a.Name, StringComparison.Ordinal));
    }

    [Fact]
    public void Their_JSON_is_pinned() => Assert.All(Contracts, c =>
        Assert.Equal(c.Value.Json, JsonSerializer.Serialize(c.Value.Value, c.Key, JsonSerializerOptions.Web)));

    [Fact]
    public void Their_names_on_the_wire_are_pinned_and_are_those_of_MassTransit()
    {
        var names = new MassTransit.RabbitMqTransport.RabbitMqMessageNameFormatter();
        Assert.All(Contracts, c =>
        {
            Assert.Equal(c.Value.Urn, MessageUrn.ForTypeString(c.Key));
            Assert.Equal(c.Value.Exchange, Destination.Event(c.Key).Exchange);
            Assert.Equal(c.Value.Exchange, names.GetMessageName(c.Key));
        });
    }

    [Fact]
    public void Operations_and_queues_are_pinned()
    {
        // Renaming an operation forgets every key that was processed under it.
        Assert.Equal(("submit-order", "orders"), (SubmitOrder.Operation, SubmitOrder.Queue));
        Assert.Equal(("capture-payment", "payments"), (CapturePayment.Operation, CapturePayment.Queue));
    }

    [Fact]
    public void A_member_that_a_newer_producer_added_is_ignored()
    {
        var operation = new Operation<SubmitOrder, object, NoHandler>(SubmitOrder.Operation, new OperationOptions<SubmitOrder>());
        var newer = Encoding.UTF8.GetBytes(Contracts[typeof(SubmitOrder)].Json.Replace("\"item\"", "\"priority\":{\"level\":1},\"item\"", StringComparison.Ordinal));

        Assert.Equal(Contracts[typeof(SubmitOrder)].Value, operation.Read(newer, foreign: false, default, default, default));
    }

    [Theory]
    [InlineData("item")]
    [InlineData("quantity")]
    [InlineData("orderId")]
    [InlineData("acceptedAt")]
    public void A_member_that_is_missing_is_an_error(string member)
    {
        var operation = new Operation<SubmitOrder, object, NoHandler>(SubmitOrder.Operation, new OperationOptions<SubmitOrder>());
        var lacking = Encoding.UTF8.GetBytes(Contracts[typeof(SubmitOrder)].Json.Replace($"\"{member}\"", "\"other\"", StringComparison.Ordinal));

        Assert.Throws<JsonException>(() => operation.Read(lacking, foreign: false, default, default, default));
    }

    private sealed class NoHandler : IHandler<SubmitOrder, object>
    {
        public Task<Outcome> HandleAsync(Incoming<SubmitOrder> incoming, object database, CancellationToken cancellationToken) =>
            Task.FromResult(Outcome.Completed("done"));
    }
}
