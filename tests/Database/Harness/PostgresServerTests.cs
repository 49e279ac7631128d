using Messaging.Services;
using Npgsql;

namespace Messaging.Database;

public sealed class PostgresServerTests(SharedServers servers)
{
    [Fact]
    public async Task The_server_is_durable_and_the_database_is_empty()
    {
        var server = await servers.PostgresAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(server.Origin);
        await using var database = await server.CreateDatabaseAsync();

        Assert.Equal("on", await QueryAsync(database, "SHOW fsync"));
        Assert.Equal("on", await QueryAsync(database, "SHOW full_page_writes"));
        Assert.Equal("on", await QueryAsync(database, "SHOW synchronous_commit"));
        Assert.Equal(0L, await QueryAsync(database, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"));
    }

    [Fact]
    public async Task Committed_rows_are_there_after_a_restart_and_after_a_kill()
    {
        await using var server = await SharedServers.OwnPostgresAsync();
        await using var database = await server.CreateDatabaseAsync();
        await QueryAsync(database, "CREATE TABLE kept (id int)");

        await QueryAsync(database, "INSERT INTO kept VALUES (1)");
        await server.RestartAsync();
        await QueryAsync(database, "INSERT INTO kept VALUES (2)");
        await server.KillAsync();
        await server.StartAsync();

        Assert.Equal(2L, await QueryAsync(database, "SELECT count(*) FROM kept"));
    }

    [Fact]
    public async Task A_paused_server_answers_nobody_until_it_is_resumed()
    {
        await using var server = await SharedServers.OwnPostgresAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SELECT 1", connection);

        await server.PauseAsync();
        var answer = command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        var first = await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.NotSame(answer, first);
        await server.ResumeAsync();

        Assert.Equal(1, await answer);
    }

    /// <summary>Without a pool: after a kill a pool hands out connections to a server that is no more.</summary>
    private static async Task<object?> QueryAsync(TestDatabase database, string sql)
    {
        await using var source = NpgsqlDataSource.Create(database.ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
