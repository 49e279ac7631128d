using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Another consumer was frozen in the middle of its transaction and holds a key. On PostgreSQL, where it can be held from outside.</summary>
public sealed class FrozenHolderTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task A_key_held_for_long_stalls_no_other_message_and_is_not_parked_for_it()
    {
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        var delivery = Message.OfProbe("held");
        var key = new ScopedKey(Message.Client, Probe.Operation, "held");
        var holder = new Candidate(key, key.ToDigest(), Fingerprint.Of(Probe.Operation, delivery.Body), TimeProvider.System.GetUtcNow(), new object(), null);
        Task held;
        await using (var connection = await Tables.OpenAsync())
        {
            await using var transaction = await engine.Database.Dialect.BeginAsync(connection, Cancelled);
            await using var command = transaction.CreateCommand();
            await InboxTable.ClaimAsync(engine.Database.Dialect, command, Guid.CreateVersion7(), [holder], [holder.Digest], 1, Cancelled);

            held = engine.ProcessAsync(Probe.Operation, delivery);
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => engine.ProcessAsync(Probe.Operation, Message.OfProbe($"key-{i}"))));

            Assert.Equal(20, await Tables.CountAsync("orders"));
            Assert.False(held.IsCompleted);
        }

        await held;
        Assert.Equal(1, await Tables.EffectsAsync("held"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }
}
