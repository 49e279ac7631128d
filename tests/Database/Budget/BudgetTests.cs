using System.Text.Json;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>What a batch and a group may cost on PostgreSQL, whatever their size: the figures in bench/README.md.</summary>
public sealed class BudgetTests(SharedServers servers)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 10)]
    [InlineData(false, 200)]
    [InlineData(false, 2000)]
    [InlineData(true, 1)]
    [InlineData(true, 200)]
    [InlineData(true, 2000)]
    public async Task A_batch_of_any_size_costs_one_commit_and_at_most_four_round_trips(bool setBased, int size)
    {
        await using var costs = await Costs.StartAsync(servers, setBased);
        Operation operation = setBased
            ? new BatchOperation<SubmitOrder, ConsumerContext, SubmitOrdersHandler>(SubmitOrder.Operation, new())
            : new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        var transaction = costs.Transaction();
        await transaction.RunAsync(operation, Batch(operation, "warm", 3), lockWaitMilliseconds: 2_000, Ct);

        costs.Proxy.Reset();
        var decisions = await transaction.RunAsync(operation, Batch(operation, "measured", size), lockWaitMilliseconds: 2_000, Ct);

        Assert.Equal(Enumerable.Repeat(InboxDecision.Claimed, size), decisions);
        Assert.Equal(1, costs.Proxy.Commits);
        Assert.InRange(costs.Proxy.RoundTrips, 3, 4);
        Assert.Equal(size + 3, await costs.CountAsync("SELECT count(*) FROM orders"));
    }

    /// <summary>However many clients: ledger and balances are one statement.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(500, 1)]
    [InlineData(500, 500)]
    public async Task A_batch_of_any_size_that_adds_to_any_balances_costs_one_commit_and_four_round_trips(int size, int clients)
    {
        await using var costs = await Costs.StartAsync(servers);
        var operation = new Operation<CapturePayment, ConsumerContext, CapturePaymentHandler>(CapturePayment.Operation, new());
        var transaction = costs.Transaction();
        await transaction.RunAsync(operation, Batch(operation, "warm", 3), lockWaitMilliseconds: 2_000, Ct);

        costs.Proxy.Reset();
        await transaction.RunAsync(operation, Batch(operation, "measured", size, clients), lockWaitMilliseconds: 2_000, Ct);

        Assert.Equal((1, 4), (costs.Proxy.Commits, costs.Proxy.RoundTrips));
        Assert.Equal(size + 3, await costs.CountAsync("SELECT count(*) FROM ledger"));
        Assert.Equal(2 * (size + 3), await costs.CountAsync("SELECT sum(amount)::bigint FROM balances"));
        Assert.Equal(clients, await costs.CountAsync("SELECT count(*) FROM balances"));
    }

    [Fact]
    public async Task A_batch_of_duplicates_costs_one_commit_and_two_round_trips()
    {
        await using var costs = await Costs.StartAsync(servers);
        var operation = new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        var transaction = costs.Transaction();
        await transaction.RunAsync(operation, Batch(operation, "same", 100), lockWaitMilliseconds: 2_000, Ct);

        costs.Proxy.Reset();
        var decisions = await transaction.RunAsync(operation, Batch(operation, "same", 100), lockWaitMilliseconds: 2_000, Ct);

        Assert.Equal(Enumerable.Repeat(InboxDecision.Duplicate, 100), decisions);
        Assert.Equal((1, 2), (costs.Proxy.Commits, costs.Proxy.RoundTrips));
    }

    /// <summary>A claim and its outcome are two versions of one row. Where a page has room for both, only the first is written to the indexes.</summary>
    [Fact]
    public async Task The_outcomes_of_a_batch_are_stored_without_a_write_to_any_index()
    {
        await using var costs = await Costs.StartAsync(servers);
        var operation = new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        var transaction = costs.Transaction();

        foreach (var batch in Enumerable.Range(0, 4))
        {
            await transaction.RunAsync(operation, Batch(operation, $"batch-{batch}", 500), lockWaitMilliseconds: 2_000, Ct);
        }

        // The server tells its statistics a little later.
        await Eventually.Equal(2000, () => costs.CountAsync("SELECT pg_stat_get_tuples_updated('inbox'::regclass)"));
        Assert.Equal(2000, await costs.CountAsync("SELECT pg_stat_get_tuples_hot_updated('inbox'::regclass)"));
    }

    /// <summary>New ones, copies, other payloads under known keys, unreadable ones: whatever is in a batch is settled in the same four.</summary>
    [Fact]
    public async Task A_batch_of_everything_costs_one_commit_and_four_round_trips()
    {
        await using var costs = await Costs.StartAsync(servers);
        var operation = new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        var transaction = costs.Transaction();
        await transaction.RunAsync(operation, Batch(operation, "known", 50), lockWaitMilliseconds: 2_000, Ct);
        var batch = Batch(operation, "new", 50);
        batch.AddRange(batch[..10]);
        batch.AddRange(Batch(operation, "known", 50, fingerprint: 'b')[..10]);
        batch.AddRange(Batch(operation, "known", 50)[10..20]);
        batch.Add(Unreadable(operation));

        costs.Proxy.Reset();
        var decisions = await transaction.RunAsync(operation, batch, lockWaitMilliseconds: 2_000, Ct);

        Assert.Equal((50, 20, 10, 1), (
            decisions.Count(d => d == InboxDecision.Claimed), decisions.Count(d => d == InboxDecision.Duplicate), decisions.Count(d => d == InboxDecision.Conflict),
            decisions.Count(d => d is not (InboxDecision.Claimed or InboxDecision.Duplicate or InboxDecision.Conflict or InboxDecision.TooLate))));
        Assert.Equal((1, 4), (costs.Proxy.Commits, costs.Proxy.RoundTrips));
        Assert.Equal(11, await costs.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    /// <summary>From the inbox as the endpoints use it: whatever it did beside the transaction would count.</summary>
    [Fact]
    public async Task A_batch_that_the_inbox_has_collected_costs_one_commit_and_at_most_four_round_trips()
    {
        const int size = 200;
        await using var costs = await Costs.StartAsync(servers);
        var inbox = costs.Services.GetServices<IInbox>().Single(i => i.Operation == SubmitOrder.Operation);
        var operation = new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        await Task.WhenAll(Batch(operation, "warm", 20).Select(item => inbox.ProcessAsync(item.Delivery, Ct)));

        costs.Proxy.Reset();
        List<Task> processed;
        using (costs.Proxy.Hold())
        {
            // Each worker takes what is there when it is free, which may be one; the rest is of the next batch.
            processed = [.. Batch(operation, "measured", size).Select(item => inbox.ProcessAsync(item.Delivery, Ct))];
        }

        await Task.WhenAll(processed);
        Assert.InRange(costs.Proxy.Commits, 1, 4);
        Assert.InRange(costs.Proxy.RoundTrips, 3 * costs.Proxy.Commits, 4 * costs.Proxy.Commits);
        Assert.Equal(size + 20, await costs.CountAsync("SELECT count(*) FROM orders"));
    }

    /// <summary>Within the defaults the 400 of them, of some 300 bytes each, are four transactions at most.</summary>
    [Theory]
    [InlineData("Inbox:MaxBatchSize", "50")]
    [InlineData("Inbox:MaxBatchBytes", "16384")]
    public async Task The_inbox_collects_no_larger_batch_than_its_options_say(string bound, string value)
    {
        const int size = 400;
        await using var costs = await Costs.StartAsync(servers, setting: (bound, value));
        var inbox = costs.Services.GetServices<IInbox>().Single(i => i.Operation == SubmitOrder.Operation);
        var operation = new Operation<SubmitOrder, ConsumerContext, SubmitOrderHandler>(SubmitOrder.Operation, new());
        var batch = Batch(operation, "measured", size);

        costs.Proxy.Reset();
        List<Task> processed;
        using (costs.Proxy.Hold())
        {
            processed = [.. batch.Select(item => inbox.ProcessAsync(item.Delivery, Ct))];
        }

        await Task.WhenAll(processed);
        var least = bound == "Inbox:MaxBatchSize" ? size / 50 : batch.Sum(item => item.Delivery.Body.Length) / (16384 + batch.Max(item => item.Delivery.Body.Length));
        Assert.InRange(costs.Proxy.Commits, Math.Max(least, 5), 2 * least);
    }

    [Fact]
    public async Task A_group_of_everything_costs_one_commit_and_one_round_trip()
    {
        await using var costs = await Costs.StartAsync(servers);
        var submissions = costs.Services.GetRequiredService<Submissions>();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => submissions.SubmitAsync(Submission($"known-{i}"), Ct)));
        Submission[] group =
        [
            .. Enumerable.Range(0, 100).Select(i => Submission($"new-{i}")), .. Enumerable.Range(0, 20).Select(i => Submission($"new-{i}")),
            .. Enumerable.Range(0, 10).Select(i => Submission($"known-{i}")), .. Enumerable.Range(10, 10).Select(i => Submission($"known-{i}", """{"more":1}""")),
        ];

        costs.Proxy.Reset();
        List<Task<SubmissionResult>> answers;
        using (costs.Proxy.Hold())
        {
            answers = [submissions.SubmitAsync(Submission("first"), Ct), .. group.Select(s => submissions.SubmitAsync(s, Ct))];
        }

        var outcomes = (await Task.WhenAll(answers)).CountBy(a => a.Outcome).ToDictionary();
        Assert.Equal((101, 30, 10), (outcomes[SubmissionOutcome.Accepted], outcomes[SubmissionOutcome.Replayed], outcomes[SubmissionOutcome.KeyReused]));
        // The first is a group by itself, or has the others with it.
        Assert.InRange(costs.Proxy.Commits, 1, 2);
        Assert.Equal(costs.Proxy.Commits, costs.Proxy.RoundTrips);
    }

    /// <summary>A group takes 200 (<c>Accept__MaxGroupSize</c>); more requests are more groups.</summary>
    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task A_group_of_requests_costs_one_commit_and_one_round_trip(int groups)
    {
        const int group = 200;
        await using var costs = await Costs.StartAsync(servers);
        var submissions = costs.Services.GetRequiredService<Submissions>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => submissions.SubmitAsync(Submission($"warm-{i}"), Ct)));

        costs.Proxy.Reset();
        List<Task> accepted;
        using (costs.Proxy.Hold())
        {
            // The first is a group by itself, or has more with it; all the others wait for it.
            accepted = [.. Enumerable.Range(0, 1 + (groups * group)).Select(i => submissions.SubmitAsync(Submission($"measured-{i}"), Ct))];
        }

        await Task.WhenAll(accepted);
        Assert.Equal((1 + groups, 1 + groups), (costs.Proxy.Commits, costs.Proxy.RoundTrips));
        Assert.Equal(5 + (groups * group), await costs.CountAsync("SELECT count(*) FROM outgoing_messages"));
    }

    private static ReadDelivery Unreadable(Operation operation)
    {
        var delivery = new Delivery { Queue = "orders", Body = "{"u8.ToArray(), ContentType = "application/json", Headers = new Dictionary<string, object?> { ["Idempotency-Key"] = "broken" } };
        return new ReadDelivery(delivery, DeliveryReader.Read(delivery, operation, TimeProvider.System.GetUtcNow()));
    }

    private static List<ReadDelivery> Batch(Operation operation, string prefix, int size, int clients = 1, char fingerprint = 'a')
    {
        var now = TimeProvider.System.GetUtcNow();
        return [.. Enumerable.Range(0, size).Select(i =>
        {
            var client = i % clients == 0 ? "shop" : $"shop-{i % clients}";
            object message = operation.Name == CapturePayment.Operation
                ? new CapturePayment(client, $"{prefix}-{i}", Guid.CreateVersion7(now), new string('0', 64), DateTimeOffset.UnixEpoch, 2, "EUR")
                : new SubmitOrder("shop", $"{prefix}-{i}", Guid.CreateVersion7(now), new string('0', 64), DateTimeOffset.UnixEpoch, "book", 1);
            var body = JsonSerializer.SerializeToUtf8Bytes(message, JsonSerializerOptions.Web);
            var delivery = new Delivery
            {
                Queue = "orders",
                Body = System.Text.Encoding.UTF8.GetBytes($$"""{"message":{{System.Text.Encoding.UTF8.GetString(body)}}}"""),
                ContentType = MassTransitEnvelope.ContentType,
                Headers = new Dictionary<string, object?>
                {
                    ["Idempotency-Key"] = $"{prefix}-{i}",
                    ["client-id"] = client,
                    ["Idempotency-Fingerprint"] = new string(fingerprint, 64),
                },
            };
            return new ReadDelivery(delivery, DeliveryReader.Read(delivery, operation, now));
        })];
    }

    private static Submission Submission(string key, string payload = "{}") => new()
    {
        Key = new ScopedKey("shop", SubmitOrder.Operation, key),
        Id = Guid.CreateVersion7(),
        Fingerprint = Fingerprint.Of(SubmitOrder.Operation, System.Text.Encoding.UTF8.GetBytes(payload)),
        Acceptance = "{}"u8.ToArray(),
        AcceptedAt = TimeProvider.System.GetUtcNow(),
        Destination = Destination.Queue("orders"),
        MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
        Body = "{}"u8.ToArray(),
    };
}
