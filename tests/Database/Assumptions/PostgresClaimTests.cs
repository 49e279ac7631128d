using Messaging.Services;
using Npgsql;

namespace Messaging.Database;

/// <summary>What a set-based claim on PostgreSQL leans on, at READ COMMITTED.</summary>
public sealed class PostgresClaimTests(SharedServers servers) : IAsyncLifetime
{
    private TestDatabase _database = null!;
    private NpgsqlDataSource _source = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await (await servers.PostgresAsync()).CreateDatabaseAsync("claim");
        _source = NpgsqlDataSource.Create(_database.ConnectionString);
        await using var command = _source.CreateCommand("CREATE TABLE claims (key int PRIMARY KEY, owner text NOT NULL)");
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
            await _database.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_second_inserter_waits_and_gets_nothing_once_the_first_has_committed()
    {
        await using var first = await ClaimTransaction.BeginAsync(_source, "first");
        await using var second = await ClaimTransaction.BeginAsync(_source, "second");
        Assert.Equal([1], await first.ClaimAsync(1));

        var waiting = second.ClaimAsync(1);
        await second.WaitUntilBlockedAsync();
        Assert.False(waiting.IsCompleted);
        await first.CommitAsync();

        Assert.Empty(await waiting);
        // Needed to compare fingerprints: the winner's row is visible to the next statement of the same transaction.
        Assert.Equal("first", await second.OwnerOfAsync(1));
    }

    [Fact]
    public async Task The_second_inserter_waits_and_claims_once_the_first_has_rolled_back()
    {
        await using var first = await ClaimTransaction.BeginAsync(_source, "first");
        await using var second = await ClaimTransaction.BeginAsync(_source, "second");
        Assert.Equal([1], await first.ClaimAsync(1));

        var waiting = second.ClaimAsync(1);
        await second.WaitUntilBlockedAsync();
        await first.RollbackAsync();

        Assert.Equal([1], await waiting);
    }

    [Fact]
    public async Task The_second_inserter_claims_when_the_connection_of_the_first_is_cut()
    {
        var first = await ClaimTransaction.BeginAsync(_source, "first");
        await using var second = await ClaimTransaction.BeginAsync(_source, "second");
        await first.ClaimAsync(1);

        var waiting = second.ClaimAsync(1);
        await second.WaitUntilBlockedAsync();
        await first.CutAsync();

        Assert.Equal([1], await waiting);
    }

    [Fact]
    public async Task A_key_twice_in_one_statement_is_claimed_once()
    {
        await using var transaction = await ClaimTransaction.BeginAsync(_source, "only");

        Assert.Equal([1, 2], await transaction.ClaimAsync(1, 2, 1, 2, 2));
    }

    [Fact]
    public async Task Keys_of_others_are_left_out_and_the_rest_is_claimed()
    {
        await using (var earlier = await ClaimTransaction.BeginAsync(_source, "earlier"))
        {
            await earlier.ClaimAsync(2, 4);
            await earlier.CommitAsync();
        }

        await using var later = await ClaimTransaction.BeginAsync(_source, "later");

        Assert.Equal([1, 3, 5], await later.ClaimAsync(1, 2, 3, 4, 5));
    }

    [Fact]
    public async Task Overlapping_batches_in_opposite_orders_deadlock()
    {
        await using var up = await ClaimTransaction.BeginAsync(_source, "up");
        await using var down = await ClaimTransaction.BeginAsync(_source, "down");
        await up.ClaimAsync(1);
        await down.ClaimAsync(2);

        var upwards = up.ClaimAsync(2);
        await up.WaitUntilBlockedAsync();
        var downwards = down.ClaimAsync(1);

        // One of them is chosen, which ends its transaction; the other goes on, and may be seen to finish first.
        var errors = await Task.WhenAll(FailureOf(upwards), FailureOf(downwards));
        var error = Assert.IsType<PostgresException>(Assert.Single(errors, e => e is not null));
        Assert.Equal(PostgresErrorCodes.DeadlockDetected, error.SqlState);
        Assert.Single(await (upwards.IsFaulted ? downwards : upwards));

        static async Task<Exception?> FailureOf(Task claim)
        {
            await claim.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return claim.Exception?.InnerException;
        }
    }

    [Fact]
    public async Task Overlapping_batches_in_one_order_never_deadlock()
    {
        const int Rounds = 40;
        var batches = Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                await using var transaction = await ClaimTransaction.BeginAsync(_source, $"worker {worker}");
                int[] keys = [.. Enumerable.Range(round * 10, 30)];
                Random.Shared.Shuffle(keys);
                await transaction.ClaimAsync(keys);
                await transaction.CommitAsync();
            }
        }));

        await Task.WhenAll(batches);
    }
}
