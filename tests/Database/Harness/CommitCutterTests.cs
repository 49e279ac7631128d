using Messaging.Services;
using Npgsql;

namespace Messaging.Database;

/// <summary>A fault that strikes something else than the test believes proves nothing.</summary>
public sealed class CommitCutterTests(SharedServers servers)
{
    [Fact]
    public async Task Only_the_commit_of_the_work_that_is_meant_is_cut_also_when_its_statement_was_prepared_long_before()
    {
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        await using var cutter = new CommitCutter(database.ConnectionString, "AS meant");
        await using var source = NpgsqlDataSource.Create(cutter.ConnectionString);
        await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var meant = new NpgsqlCommand("SELECT 1 AS meant", connection);
        await meant.PrepareAsync(TestContext.Current.CancellationToken);
        await using var other = new NpgsqlCommand("SELECT 2 AS other", connection);
        await CommitAsync(connection, meant);

        cutter.CutNext(1);
        await CommitAsync(connection, other);
        Assert.Equal(0, cutter.Done);

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => CommitAsync(connection, meant));
        Assert.Equal(1, cutter.Done);
    }

    private static async Task CommitAsync(NpgsqlConnection connection, NpgsqlCommand command)
    {
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);
    }
}
