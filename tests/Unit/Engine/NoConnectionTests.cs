using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Unit;

/// <summary>A connection that is not to be had is an outage, whatever the driver calls it: nobody's message is at fault.</summary>
public sealed class NoConnectionTests
{
    /// <summary>SQL Server's driver says so with the same exception when its pool is exhausted; this way of meeting it needs no server.</summary>
    [Fact]
    public async Task What_a_driver_refuses_without_a_database_error_is_an_outage()
    {
        await using var connection = new NpgsqlConnection();
        await Assert.ThrowsAsync<InvalidOperationException>(() => connection.OpenAsync(TestContext.Current.CancellationToken));
        await using var context = new DbContext(new DbContextOptionsBuilder().UseNpgsql(connection).Options);

        await using var database = new Database(new DatabaseOptions(DatabaseProvider.PostgreSql, "Host=none"));
        await Assert.ThrowsAsync<NoConnectionException>(() => database.OpenAsync(context, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(DatabaseProvider.Sqlite, "Data Source=none"), InlineData(DatabaseProvider.PostgreSql, "Host=none"), InlineData(DatabaseProvider.SqlServer, "Server=none")]
    public async Task It_is_one_on_every_database(DatabaseProvider provider, string connectionString)
    {
        await using var database = new Database(new DatabaseOptions(provider, connectionString));

        Assert.Equal(DatabaseFault.Unavailable, database.Dialect.Classify(new NoConnectionException("none", new TimeoutException())));
    }
}
