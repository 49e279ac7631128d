using System.Text;
using Messaging.Services;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Stack;

/// <summary>What a consumer meets in its batch and in the tables of the business, as its users run it: in processes of its own.</summary>
public sealed class BusinessTableTests(SharedServers servers, BusinessTableTests.OneAttempt deployments) : IClassFixture<BusinessTableTests.OneAttempt>
{
    private const string Orders = "orders";
    private const string Payments = "payments";
    private const int MostRounds = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Row09_a_deadlock_with_a_session_outside_costs_nobody_an_attempt()
    {
        var deployment = await deployments.EmptyAsync(servers);
        await deployment.PublishAsync(Payments, [Payment("first", 1)]);
        await deployment.DrainedAsync(Limit);

        // The consumer has to begin its wait, and to look for a deadlock a second later, while the other waits for it: if it was slower, once more.
        var before = await DeadlocksAsync(deployment);
        var rounds = 0;
        while (await DeadlocksAsync(deployment) == before && rounds < MostRounds)
        {
            await MeetAsync(deployment, $"victim-{++rounds}");
        }

        Assert.NotEqual(before, await DeadlocksAsync(deployment));
        await deployment.DrainedAsync(Limit);
        Assert.Equal(rounds + 1, await deployment.CountAsync("SELECT count(*) FROM ledger"));
        Assert.Equal(rounds + 1, await deployment.CountAsync("SELECT amount FROM balances WHERE client = 'both'"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row09_serialization_failures_cost_nobody_an_attempt()
    {
        const int Failures = 5, Neighbours = 20;
        var deployment = await deployments.EmptyAsync(servers);

        // A sequence counts also what is rolled back.
        await deployment.ExecuteAsync($"""
            CREATE SEQUENCE conflicts;
            CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.item = 'contended' AND nextval('conflicts') <= {Failures} THEN RAISE 'could not serialize access' USING ERRCODE = '40001'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER conflict BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION conflict();
            """);
        try
        {
            await deployment.PublishAsync(Orders, Enumerable.Range(0, Neighbours).Select(i => Order($"key-{i}", "book")).Append(Order("victim", "contended")));
            await deployment.DrainedAsync(Limit);
        }
        finally
        {
            await deployment.ExecuteAsync("DROP FUNCTION conflict() CASCADE");
        }

        Assert.InRange(await deployment.CountAsync("SELECT last_value FROM conflicts"), Failures + 1, long.MaxValue);
        Assert.Equal(Neighbours + 1, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row09_a_row_held_for_longer_than_it_is_waited_for_costs_nobody_an_attempt_and_stalls_nobody_else()
    {
        const int Held = 2, Neighbours = 20;
        var deployment = await deployments.EmptyAsync(servers);
        await deployment.PublishAsync(Payments, [Payment("first", 1)]);
        await deployment.DrainedAsync(Limit);
        await using (var outside = new NpgsqlConnection(deployment.ConnectionString))
        {
            await outside.OpenAsync(TestContext.Current.CancellationToken);
            await using var transaction = await outside.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await ExecuteAsync(transaction, "UPDATE balances SET amount = amount WHERE client = 'both'");
            await deployment.PublishAsync(Payments, Enumerable.Range(0, Held).Select(i => Payment($"held-{i}", 1)));
            await Eventually.True(async () => await WaitingForLocksAsync(deployment) > 0);
            await deployment.PublishAsync(Payments, Enumerable.Range(0, Neighbours).Select(i => Payment($"key-{i}", 1, "others")));
            await Eventually.Equal((long)Neighbours, () => deployment.CountAsync("SELECT count(*) FROM ledger WHERE client = 'others'"), Limit);
            await Eventually.Equal(0L, () => WaitingForLocksAsync(deployment), Limit, "those that wait to have given up");
            Assert.Equal(1, await deployment.CountAsync("SELECT count(*) FROM ledger WHERE client = 'both'"));
        }

        await deployment.DrainedAsync(Limit);
        Assert.Equal(Held + 1, await deployment.CountAsync("SELECT count(*) FROM ledger WHERE client = 'both'"));
        Assert.Equal(Held + 1, await deployment.CountAsync("SELECT amount FROM balances WHERE client = 'both'"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row10_a_unique_violation_in_a_business_table_is_parked_as_poison_and_never_taken_for_a_duplicate()
    {
        var deployment = await deployments.EmptyAsync(servers);
        await deployment.CountAsync("CREATE UNIQUE INDEX IF NOT EXISTS one_of_a_kind ON orders (item) WHERE item = 'one of a kind'; SELECT 0");

        await deployment.PublishAsync(Orders, [Order("first", "one of a kind")]);
        await deployment.DrainedAsync(Limit);
        await deployment.PublishAsync(Orders, [.. Enumerable.Range(0, 20).Select(i => Order($"before-{i}", "book")), Order("second", "one of a kind"), Order("after", "book")]);
        await deployment.DrainedAsync(Limit);

        Assert.Equal(["poison second"], await deployment.TextsAsync("SELECT reason || ' ' || idempotency_key FROM parked_messages"));
        Assert.Equal(1, await deployment.CountAsync("SELECT count(*) FROM parked_messages WHERE error LIKE '%23505%'"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM inbox WHERE idempotency_key = 'second'"));
        Assert.Equal(22, await deployment.CountAsync("SELECT count(*) FROM orders"));
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row12_duplicates_within_a_batch_have_one_effect_and_all_are_acknowledged()
    {
        const int keys = 40, copies = 5;
        var deployment = await deployments.EmptyAsync(servers);
        foreach (var consumer in deployment.Consumers)
        {
            consumer.Send(Signal.Stop);
        }

        try
        {
            await deployment.PublishAsync(Orders, Enumerable.Range(0, keys * copies).Select(i => Order($"k{i / copies}", "book")));
        }
        finally
        {
            foreach (var consumer in deployment.Consumers)
            {
                consumer.Send(Signal.Continue);
            }
        }

        await deployment.DrainedAsync(Limit);

        Assert.Equal(keys, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        await deployment.AssertAtomicAsync();

        // Copies lie side by side: whoever claimed several keys at once had copies between them in its batch.
        Assert.InRange(await deployment.CountAsync("SELECT max(n) FROM (SELECT count(*) AS n FROM inbox GROUP BY claim_id) AS claims"), 3, keys);
    }

    /// <summary>Each holds what the other wants: the consumer its key, the session outside the balance. Over when the payment has taken effect.</summary>
    private static async Task MeetAsync(Deployment deployment, string key)
    {
        await using (var outside = new NpgsqlConnection(deployment.ConnectionString))
        {
            await outside.OpenAsync(TestContext.Current.CancellationToken);
            await using var transaction = await outside.BeginTransactionAsync(TestContext.Current.CancellationToken);

            // Whoever waits for long enough first looks for a deadlock and ends itself: not this one.
            await ExecuteAsync(transaction, "SET LOCAL deadlock_timeout = '5min'; UPDATE balances SET amount = amount WHERE client = 'both'");
            await deployment.PublishAsync(Payments, [Payment(key, 1)]);
            await Eventually.True(async () => await WaitingForLocksAsync(deployment) > 0);
            await ExecuteAsync(transaction, $"""
                INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms)
                VALUES ('{new ScopedKey("both", "capture-payment", key).ToDigest()}', 'both', 'capture-payment', '{key}', ''::bytea, gen_random_uuid(), 1, 1)
                """);
        }

        await Eventually.Equal(1L, () => deployment.CountAsync($"SELECT count(*) FROM ledger WHERE idempotency_key = '{key}'"), Limit);
    }

    private static async Task ExecuteAsync(NpgsqlTransaction transaction, string sql)
    {
        await using var command = new NpgsqlCommand(sql, transaction.Connection, transaction);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>By the server's own count, which it brings up to date when a session has been at rest.</summary>
    private static Task<long> DeadlocksAsync(Deployment deployment) => deployment.CountAsync("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");

    private static Task<long> WaitingForLocksAsync(Deployment deployment) =>
        deployment.CountAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");

    private static (byte[] Body, Dictionary<string, object?> Headers, string? MessageId) Order(string key, string item) =>
        (Encoding.UTF8.GetBytes($$"""{"item":"{{item}}","quantity":1}"""), new() { ["Idempotency-Key"] = key }, null);

    private static (byte[] Body, Dictionary<string, object?> Headers, string? MessageId) Payment(string key, int amount, string client = "both") =>
        (Encoding.UTF8.GetBytes($$"""{"amount":{{amount}}}"""), new() { ["Idempotency-Key"] = key, ["client-id"] = client }, null);

    /// <summary>A consumer directly, one in MassTransit, and one attempt for each message: whatever counted as one would park it.</summary>
    public sealed class OneAttempt : IAsyncDisposable
    {
        private static readonly Dictionary<string, string?> Settings = new() { ["Inbox__MaxAttempts"] = "1" };

        private Deployment? _deployment;

        internal async Task<Deployment> EmptyAsync(SharedServers servers)
        {
            _deployment ??= await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), settings: Settings);
            await _deployment.DrainedAsync(Limit);
            await _deployment.EmptyAsync();
            return _deployment;
        }

        public ValueTask DisposeAsync() => _deployment?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
