using System.Text.Json;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

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

    /// <summary>All of one client: its balance is locked, read and written once, and whoever else needs it waits for no more than that.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    public async Task A_batch_of_any_size_that_adds_to_one_balance_costs_one_commit_and_at_most_six_round_trips(int size)
    {
        await using var costs = await Costs.StartAsync(servers);
        var operation = new Operation<CapturePayment, ConsumerContext, CapturePaymentHandler>(CapturePayment.Operation, new());
        var transaction = costs.Transaction();
        await transaction.RunAsync(operation, Batch(operation, "warm", 3), lockWaitMilliseconds: 2_000, Ct);

        costs.Proxy.Reset();
        await transaction.RunAsync(operation, Batch(operation, "measured", size), lockWaitMilliseconds: 2_000, Ct);

        Assert.Equal(1, costs.Proxy.Commits);
        Assert.InRange(costs.Proxy.RoundTrips, 5, 6);
        Assert.Equal(2 * (size + 3), await costs.CountAsync("SELECT amount::bigint FROM balances"));
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

    [Fact]
    public async Task A_group_of_requests_costs_one_commit_and_at_most_two_round_trips()
    {
        await using var costs = await Costs.StartAsync(servers);
        var submissions = costs.Services.GetRequiredService<Submissions>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => submissions.SubmitAsync(Submission($"warm-{i}"), Ct)));

        costs.Proxy.Reset();
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => submissions.SubmitAsync(Submission($"measured-{i}"), Ct)));

        Assert.InRange(costs.Proxy.Commits, 1, 40);
        Assert.Equal(2 * costs.Proxy.Commits, costs.Proxy.RoundTrips);
        Assert.Equal(404, await costs.CountAsync("SELECT count(*) FROM outgoing_messages"));
    }

    private static List<ReadDelivery> Batch(Operation operation, string prefix, int size)
    {
        var now = TimeProvider.System.GetUtcNow();
        return [.. Enumerable.Range(0, size).Select(i =>
        {
            object message = operation.Name == CapturePayment.Operation
                ? new CapturePayment("shop", $"{prefix}-{i}", Guid.CreateVersion7(now), new string('0', 64), DateTimeOffset.UnixEpoch, 2, "EUR")
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
                    ["client-id"] = "shop",
                    ["Idempotency-Fingerprint"] = new string('a', 64),
                },
            };
            return new ReadDelivery(delivery, DeliveryReader.Read(delivery, operation, now));
        })];
    }

    private static Submission Submission(string key) => new()
    {
        Key = new ScopedKey("shop", SubmitOrder.Operation, key),
        Id = Guid.CreateVersion7(),
        Fingerprint = Fingerprint.Of(SubmitOrder.Operation, "{}"u8.ToArray()),
        Acceptance = "{}"u8.ToArray(),
        AcceptedAt = TimeProvider.System.GetUtcNow(),
        Destination = Destination.Queue("orders"),
        MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
        Body = "{}"u8.ToArray(),
    };

    /// <summary>The services on a database of their own, behind the proxy, with a dispatcher that has no broker and is not run.</summary>
    private sealed class Costs(EmptyDatabase database, CountingProxy proxy, IHost host) : IAsyncDisposable
    {
        public CountingProxy Proxy => proxy;

        public IServiceProvider Services => host.Services;

        public static async Task<Costs> StartAsync(SharedServers servers, bool setBased = false)
        {
            var database = await EmptyDatabase.CreateMigratedAsync(servers, DatabaseProvider.PostgreSql);
            var direct = new NpgsqlConnectionStringBuilder(database.ConnectionString);
            var proxy = CountingProxy.Start(direct.Host!, direct.Port);
            var counted = new NpgsqlConnectionStringBuilder(database.ConnectionString)
            {
                Host = "127.0.0.1", Port = proxy.Port, SslMode = SslMode.Disable, GssEncryptionMode = GssEncryptionMode.Disable,
            };
            var builder = Host.CreateApplicationBuilder();
            builder.Logging.ClearProviders();
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Database:Provider"] = "PostgreSql",
                ["ConnectionStrings:Orders"] = counted.ConnectionString,
                ["Orders:SetBased"] = setBased.ToString(),
                ["Retention:IntervalSeconds"] = "0",
            });
            builder.AddConsumer();
            builder.Services.AddSingleton<ITransport, NoBroker>();
            builder.Services.AddSingleton<Dispatcher>();
            var costs = new Costs(database, proxy, builder.Build());
            await costs.StartAsync();
            return costs;
        }

        public InboxTransaction<ConsumerContext> Transaction()
        {
            var database = Services.GetRequiredService<Transactional.Database>();
            return new(
                database, Services.GetRequiredService<IServiceScopeFactory>(), Services.GetRequiredService<Dispatcher>(),
                new InboxClaim(database, new RetentionOptions(), TimeProvider.System), new InboxStore(database, leaseMilliseconds: 10_000, TimeProvider.System), new InboxOptions());
        }

        public async Task<long> CountAsync(string sql)
        {
            await using var source = NpgsqlDataSource.Create(database.ConnectionString);
            await using var command = source.CreateCommand(sql);
            return (long)(await command.ExecuteScalarAsync(Ct))!;
        }

        public async ValueTask DisposeAsync()
        {
            await host.StopAsync(Ct);
            await ((IAsyncDisposable)host).DisposeAsync();
            await proxy.DisposeAsync();
            await database.DisposeAsync();
        }

        private async Task StartAsync()
        {
            await host.StartAsync(Ct);
            await Services.GetRequiredService<DatabaseGate>().WaitAsync(Ct);
        }
    }

    private sealed class NoBroker : ITransport
    {
        public Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("Nothing is dispatched here.");
    }
}
