using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Database;

/// <summary>Somebody outside, a colleague at a console, holds rows and then wants ours. On PostgreSQL, where the server chooses us as the victim.</summary>
public sealed class OutsideLockTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    private const int Neighbours = 20;

    [Fact]
    public async Task Row09_a_deadlock_with_a_session_outside_is_run_again_and_parks_nothing()
    {
        using var deadlocks = new FaultsMet(fault => fault.SqlState == PostgresErrorCodes.DeadlockDetected);
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        await engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment("first", 1, "both"));
        Task victim;
        await using (var outside = await Tables.OpenAsync())
        {
            await using var transaction = await outside.BeginTransactionAsync(Cancelled);
            await using var command = outside.CreateCommand();
            command.Transaction = transaction;
            // Whoever waits for long enough first looks for a deadlock and ends itself: not this one.
            command.CommandText = "SET LOCAL deadlock_timeout = '5min'; UPDATE balances SET amount = amount WHERE client = 'both'";
            Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancelled));

            // It claims its key, and then waits for the balance.
            victim = engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment("victim", 2, "both"));
            await Tables.WaitUntilSomebodyWaitsForALockAsync();
            command.CommandText = $"""
                INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms)
                VALUES ('{new ScopedKey("both", CapturePayment.Operation, "victim").ToDigest()}', 'both', '{CapturePayment.Operation}', 'victim', ''::bytea, gen_random_uuid(), 1, 1)
                """;
            await command.ExecuteNonQueryAsync(Cancelled);
            await Eventually.True(() => deadlocks.Count > 0);

            await Task.WhenAll(Enumerable.Range(0, Neighbours).Select(i => engine.ProcessAsync(CapturePayment.Operation, Message.OfPayment($"key-{i}", 1, "others"))));
            Assert.False(victim.IsCompleted);
        }

        await victim;
        Assert.Equal(Neighbours + 2, await Tables.CountAsync("ledger"));
        Assert.Equal(Neighbours + 2, await Tables.CountAsync("inbox", "status = 'captured'"));
        Assert.Equal(1, await Tables.CountAsync("balances", "client = 'both' AND amount = 3"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }
}
