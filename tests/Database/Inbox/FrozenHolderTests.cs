using System.Text.Json;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Another consumer was frozen in the middle of its transaction and holds a key. On PostgreSQL, where it can be held from outside.</summary>
public sealed class FrozenHolderTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    /// <summary>Waiting the whole time for each key that is held takes 400 × 2 s.</summary>
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task A_key_held_for_long_stalls_no_other_message_and_is_not_parked_for_it()
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        var delivery = Message.OfProbe("held");
        Task held;
        await using (await HoldKeysAsync(engine, delivery))
        {
            held = engine.ProcessAsync(Probe.Operation, delivery);
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}"))));

            Assert.Equal(20, await Tables.CountAsync("orders"));
            Assert.False(held.IsCompleted);
        }

        await held;
        Assert.Equal(1, await Tables.EffectsAsync("held"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    /// <summary>Or a key that is held for hours collects a copy of its message each time RabbitMQ loses patience with the channel, and runs each of them.</summary>
    [Fact]
    public async Task A_held_message_that_the_broker_has_taken_back_is_let_go()
    {
        using var takenBack = new CancellationTokenSource();
        var engine = await StartEngineAsync();
        var again = Message.OfProbe("held");
        var delivery = new Delivery { Queue = again.Queue, Body = again.Body, ContentType = again.ContentType, Headers = again.Headers, TakenBack = takenBack.Token };
        await using (await HoldKeysAsync(engine, delivery))
        {
            var held = engine.ProcessAsync(Probe.Operation, delivery);
            await Eventually.Equal(1, WaitingAsync, what: "its claim to wait");
            await Eventually.Equal(0, WaitingAsync, what: "it to be held up");

            await takenBack.CancelAsync();

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held.WaitAsync(Eventually.DefaultLimit, Cancelled));
        }

        await engine.ProcessAsync(Probe.Operation, again);
        Assert.Equal(1, engine.Script.Runs("nothing"));
    }

    /// <summary>What a message is accused of stands until it is settled, or it would be run again by whoever comes after this process.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(4)]
    public async Task A_message_that_processes_died_of_keeps_its_record_while_its_key_is_held(int deaths)
    {
        var engine = await StartEngineAsync();
        var delivery = Message.Of("probes", "held", JsonSerializer.SerializeToUtf8Bytes(new Probe("kill"), JsonSerializerOptions.Web), deliveryCount: 9);
        var digest = new ScopedKey(Message.Client, Probe.Operation, "held").ToDigest();
        var fatal = engine.Services.GetRequiredService<FatalAttempts>();
        for (var i = 0; i < deaths; i++)
        {
            await fatal.BeginAsync(digest, Cancelled);
        }

        Task held;
        await using (await HoldKeysAsync(engine, delivery))
        {
            held = engine.ProcessAsync(Probe.Operation, delivery);
            await Eventually.Equal(1, WaitingAsync, what: "its claim to wait");
            await Eventually.Equal(0, WaitingAsync, what: "it to be held up");
            await Eventually.Equal((long)deaths, () => fatal.CountAsync(digest, Cancelled));
        }

        await held;
        Assert.Equal(deaths == 5 ? 0 : 1, engine.Script.Runs("kill"));
        Assert.Equal(deaths == 5 ? 1 : 0, await Tables.CountAsync("parked_messages", "reason = 'poison'"));
        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
    }

    /// <summary>A frozen process holds all the keys of its batch; its messages come again, mixed with new ones.</summary>
    [Fact]
    public async Task A_batch_of_keys_held_for_long_stalls_no_other_message()
    {
        const int Held = 400;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        var deliveries = Enumerable.Range(0, Held).Select(i => Message.OfProbe($"held-{i}")).ToList();
        List<Task> held;
        await using (await HoldKeysAsync(engine, [.. deliveries]))
        {
            held = deliveries.ConvertAll(d => engine.ProcessAsync(Probe.Operation, d));
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}")))).WaitAsync(StallLimit, Cancelled);

            Assert.Equal(100, await Tables.CountAsync("orders"));
            Assert.All(held, task => Assert.False(task.IsCompleted));
        }

        await Task.WhenAll(held);
        Assert.Equal(Held + 100, await Tables.CountAsync("orders"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    /// <summary>It also holds what its handler has locked: new messages that need the same row wait each in the handler, after their claim.</summary>
    [Fact]
    public async Task A_row_held_for_long_stalls_no_message_that_does_not_need_it()
    {
        const int Waiting = 200;
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        await engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment("first", 1, "frozen"));
        List<Task> held;
        await using (await HoldBalanceAsync())
        {
            held = Enumerable.Range(0, Waiting).Select(i => engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment($"held-{i}", 1, "frozen"))).ToList();
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment($"key-{i}", 1, "alive")))).WaitAsync(StallLimit, Cancelled);

            Assert.Equal(101, await Tables.CountAsync("ledger"));
            Assert.All(held, task => Assert.False(task.IsCompleted));
        }

        await Task.WhenAll(held);
        Assert.Equal(Waiting + 101, await Tables.CountAsync("ledger"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    /// <summary>They come back together; whoever fails then, fails for all of them, and still only one is at fault.</summary>
    [Fact]
    public async Task Of_messages_that_were_held_up_only_the_guilty_one_is_parked()
    {
        const int Held = 30;
        static Task NeedRowAsync(ConsumerContext database) => database.Database.ExecuteSqlRawAsync("UPDATE balances SET amount = amount WHERE client = 'frozen'", Cancelled);
        static string Word(int i) => i == 11 ? "guilty" : $"needs-it-{i}";
        var engine = await StartEngineAsync(s =>
        {
            foreach (var word in Enumerable.Range(0, Held).Select(Word))
            {
                s.Script.On(word, async (_, database) =>
                {
                    await NeedRowAsync(database);
                    if (word == "guilty")
                    {
                        throw new InvalidOperationException(word);
                    }
                });
            }

            s.With("Inbox:MaxAttempts", 1);
        });
        await engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment("first", 1, "frozen"));
        List<Task> held;
        await using (await HoldBalanceAsync())
        {
            held = [.. Enumerable.Range(0, Held).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"held-{i:00}", Word(i))))];
            await Eventually.True(() => Enumerable.Range(0, Held).All(i => engine.Script.Runs(Word(i)) > 0), StallLimit, "each to have met the lock");
        }

        await Task.WhenAll(held);
        Assert.Equal(["held-11"], await Tables.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Equal(Held - 1, await Tables.CountAsync("orders"));
    }

    private Task<long> WaitingAsync() => Tables.CountAsync("pg_stat_activity", "datname = current_database() AND wait_event = 'transactionid'");

    /// <summary>As a consumer does that was frozen before its commit, until the connection is disposed, and its transaction rolled back with it.</summary>
    private async Task<IAsyncDisposable> HoldKeysAsync(Engine engine, params Delivery[] deliveries)
    {
        var claims = new List<Candidate>();
        foreach (var delivery in deliveries)
        {
            var key = new ScopedKey(Message.Client, Probe.Operation, delivery.TextHeader(MessageHeaders.IdempotencyKey)!);
            claims.Add(new Candidate(key, key.ToDigest(), Fingerprint.Of(Probe.Operation, delivery.Body), TimeProvider.System.GetUtcNow(), new object(), null));
        }

        claims.Sort((a, b) => a.Digest.CompareTo(b.Digest));
        var connection = await Tables.OpenAsync();
        var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
        await using var command = transaction.CreateCommand();
        await InboxTable.ClaimAsync(engine.Database.Dialect, command, Guid.CreateVersion7(), claims, claims.ConvertAll(c => c.Digest), 1, lockWaitMilliseconds: 2_000, Cancelled);
        return connection;
    }

    /// <summary>Until the connection is disposed, and its transaction rolled back with it.</summary>
    private async Task<IAsyncDisposable> HoldBalanceAsync()
    {
        var connection = await Tables.OpenAsync();
        await using var command = connection.CreateCommand();
        command.Transaction = await connection.BeginTransactionAsync(Cancelled);
        command.CommandText = "UPDATE balances SET amount = amount WHERE client = 'frozen'";
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancelled));
        return connection;
    }
}
