using Messaging.Services;
using Microsoft.Data.SqlClient;

namespace Messaging.Database;

public sealed class SqlServerServerTests(SharedServers servers)
{
    [Fact]
    public async Task The_database_is_empty()
    {
        var server = await servers.SqlServerAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var connection = new SqlConnection(database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new SqlCommand("SELECT count(*) FROM sys.tables", connection);

        Assert.Equal(0, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }
}
