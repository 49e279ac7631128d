using Messaging.Services;
using Messaging.Transactional;
using Npgsql;

namespace Messaging.Database;

/// <summary>The server is there and lets nobody in, as while a database is maintained or when a password was changed: an outage like any other.</summary>
public sealed class LockedOutTests(SharedServers servers) : ContractSuite(servers, DatabaseProvider.PostgreSql)
{
    [Fact]
    public async Task A_database_that_lets_nobody_in_is_waited_for_and_no_message_is_at_fault()
    {
        using var refusals = new FaultsMet(fault => fault.SqlState == PostgresErrorCodes.ObjectNotInPrerequisiteState);
        var engine = await StartEngineAsync(s => s.With("Inbox:MaxAttempts", 1));
        await LetInAsync(false);

        var processed = engine.ProcessAsync(Probe.Operation, Message.OfProbe("k"));
        await Eventually.True(() => refusals.Count >= 10);
        await Assert.ThrowsAsync<DatabaseUnavailableException>(() => engine.Submissions.SubmitAsync(Message.Submission("s"), Cancelled));
        Assert.False(processed.IsCompleted);

        await LetInAsync(true);
        await processed;
        Assert.Equal(1, engine.Script.Runs("nothing"));
        await Eventually.Equal(1, () => Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
    }

    private async Task LetInAsync(bool allowed)
    {
        var connectionString = new NpgsqlConnectionStringBuilder(ConnectionString);
        var name = connectionString.Database!;
        (connectionString.Database, connectionString.Pooling) = ("postgres", false);
        await using var connection = new NpgsqlConnection(connectionString.ConnectionString);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand($"ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}", connection);
        await command.ExecuteNonQueryAsync(Cancelled);
        if (allowed)
        {
            return;
        }

        command.CommandText = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = @name";
        command.Parameters.AddWithValue("name", name);
        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
