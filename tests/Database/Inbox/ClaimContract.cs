using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Step 4: whoever claims the key first takes effect; everybody else is recognised.</summary>
public abstract class ClaimContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task A_message_takes_effect_and_a_second_delivery_does_not()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k"));
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k"));

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        Assert.Equal("created", await Tables.ValueAsync("SELECT status FROM inbox"));
        await Tables.AssertAtomicAsync();
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        var sent = Assert.Single(engine.Broker.Sent);
        Assert.Equal($"{SubmitOrder.Operation}/{Message.Client}/k/1", sent.IdempotencyKey);
    }

    [Fact]
    public async Task Row12_duplicates_within_one_batch_take_effect_once_and_all_are_settled()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessInOneBatchAsync(Enumerable.Range(0, 30).Select(i => Message.OfProbe($"key-{i % 3}", "nothing")));

        Assert.Equal(3, engine.Script.Runs("nothing"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Another_payload_under_a_key_is_parked_and_the_first_effect_stands(bool inOneBatch)
    {
        var engine = await StartEngineAsync();
        Delivery[] deliveries = [Message.OfProbe("k", "first"), Message.OfProbe("k", "second"), Message.OfProbe("k", "first")];

        if (inOneBatch)
        {
            await engine.ProcessInOneBatchAsync(deliveries);
        }
        else
        {
            foreach (var delivery in deliveries)
            {
                await engine.ProcessAsync(Probe.Operation, delivery);
            }
        }

        Assert.Equal("first", await Tables.ValueAsync("SELECT item FROM orders WHERE idempotency_key = 'k'"));
        var parked = Assert.Single(await Tables.RowsAsync("SELECT reason, idempotency_key, body FROM parked_messages"));
        Assert.Equal((ParkingReason.Conflict, "k"), (parked[0], parked[1]));
        Assert.Equal(deliveries[1].Body.ToArray(), parked[2]);
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row14_a_message_older_than_the_memory_of_keys_is_parked_unless_its_key_is_known()
    {
        var engine = await StartEngineAsync(s => s.With("Retention:Hours", 24));
        var old = TimeProvider.System.GetUtcNow().AddHours(-25);
        (string, object?)[] headers = [(MessageHeaders.AcceptedAt, old.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture))];
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("known"));

        await engine.ProcessInOneBatchAsync(Message.OfProbe("known", "nothing", headers), Message.OfProbe("unknown", "nothing", headers));

        Assert.Equal([ParkingReason.TooLate], await Tables.TextsAsync("SELECT reason FROM parked_messages WHERE idempotency_key = 'unknown'"));
        Assert.Equal(1, await Tables.CountAsync("parked_messages"));
        Assert.Equal(0, await Tables.EffectsAsync("unknown"));
        await Tables.AssertAtomicAsync();
    }

    /// <summary>A copy from an earlier life of the key, which was forgotten, replayed beside the message of the present one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Row14_a_message_takes_effect_whose_key_an_older_one_of_the_same_batch_has(bool olderIsFirst)
    {
        var engine = await StartEngineAsync(s => s.With("Retention:Hours", 24));
        var old = TimeProvider.System.GetUtcNow().AddHours(-25);
        (string, object?)[] headers = [(MessageHeaders.AcceptedAt, old.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture))];
        Delivery[] batch = [Message.OfProbe("k", "nothing", headers), Message.OfProbe("k")];

        await engine.ProcessInOneBatchAsync(olderIsFirst ? batch : batch.Reverse());

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task One_key_from_two_engines_at_once_is_one_effect()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => engines[i % 2].ProcessAsync(SubmitOrder.Operation, Message.OfOrder($"key-{i / 20}"))));

        Assert.Equal(10, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_meets_a_claim_under_way_waits_for_its_commit_or_rollback_and_loses_no_attempt(bool commits)
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        var delivery = Message.OfProbe("k");
        var key = new ScopedKey(Message.Client, Probe.Operation, "k");
        var winner = new Candidate(key, key.ToDigest(), Fingerprint.Of(Probe.Operation, delivery.Body), TimeProvider.System.GetUtcNow(), new object(), null);
        Task loser;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = transaction.CreateCommand();
            await InboxTable.ClaimAsync(engine.Database.Dialect, command, Guid.CreateVersion7(), [winner], [winner.Digest], 1, lockWaitMilliseconds: 2_000, Cancelled);

            loser = engine.ProcessAsync(Probe.Operation, delivery);
            await Tables.WaitUntilSomebodyWaitsForALockAsync();
            Assert.False(loser.IsCompleted);
            if (commits)
            {
                await transaction.CommitAsync(Cancelled);
            }
        }

        await loser;
        Assert.Equal(commits ? 0 : 1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Fact]
    public async Task Row09_overlapping_batches_in_opposite_orders_neither_fail_nor_double()
    {
        Engine[] engines = [await StartEngineAsync(), await StartEngineAsync()];
        var keys = Enumerable.Range(0, 60).Select(i => $"key-{i:00}").ToList();

        for (var round = 0; round < 3; round++)
        {
            var prefix = $"{round}-";
            await Task.WhenAll(
                engines[0].ProcessInOneBatchAsync(keys.Select(k => Message.OfProbe(prefix + k))),
                engines[1].ProcessInOneBatchAsync(keys.AsEnumerable().Reverse().Select(k => Message.OfProbe(prefix + k))));
        }

        Assert.Equal(180, await Tables.CountAsync("orders", "item = 'nothing'"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task A_key_is_one_key_whether_its_message_came_from_the_publisher_or_from_elsewhere()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k", "book", 3);

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k", "book", 3));

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    [Theory]
    [InlineData("a b  c ")]
    [InlineData("~!@#$%^&*()_+'\"\\/")]
    [InlineData("")]
    public async Task Keys_of_every_allowed_form_take_effect(string form)
    {
        var key = form.Length == 0 ? new string('k', 255) : form;
        var engine = await StartEngineAsync();

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder(key), Message.OfOrder(key));

        Assert.Equal([key], await Tables.TextsAsync("SELECT idempotency_key FROM orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Eventually.Equal(1, () => Task.FromResult(engine.Broker.Sent.Count));
        Assert.InRange(engine.Broker.Sent.Single().IdempotencyKey.Length, 1, ScopedKey.MaxLength);
    }

    [Fact]
    public async Task A_trace_header_of_any_form_stops_no_message()
    {
        var engine = await StartEngineAsync();

        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("long", "nothing", (MessageHeaders.TraceParent, new string('x', 500))));
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("nul", "nothing", (MessageHeaders.TraceParent, "\0")));

        Assert.Equal(2, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }
}

public sealed class ClaimOnSqlite(SharedServers servers) : ClaimContract(servers, DatabaseProvider.Sqlite);

public sealed class ClaimOnPostgreSql(SharedServers servers) : ClaimContract(servers, DatabaseProvider.PostgreSql);

public sealed class ClaimOnSqlServer(SharedServers servers) : ClaimContract(servers, DatabaseProvider.SqlServer);
