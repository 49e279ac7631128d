using Messaging.Transactional;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;

namespace Messaging.Unit;

/// <summary>A connection that is not to be had is an outage, whatever the driver calls it: nobody's message is at fault.</summary>
public sealed class NoConnectionTests
{
    /// <summary>SQL Server's driver says with the same exception that its pool is exhausted; this way of meeting it needs no server.</summary>
    [Fact]
    public async Task What_SQL_Servers_driver_refuses_without_a_database_error_is_an_outage()
    {
        await using var database = new Database(new DatabaseOptions(DatabaseProvider.SqlServer, ""));
        await using var connection = new SqlConnection();
        await Assert.ThrowsAsync<InvalidOperationException>(() => connection.OpenAsync(TestContext.Current.CancellationToken));

        var refused = await Assert.ThrowsAsync<NoConnectionException>(() => database.OpenAsync(TestContext.Current.CancellationToken));

        Assert.Equal(DatabaseFault.Unavailable, database.Dialect.Classify(refused));
    }

    [Fact]
    public async Task So_is_what_a_context_meets()
    {
        await using var context = new DbContext(new DbContextOptionsBuilder().UseSqlServer(new SqlConnection()).Options);

        await Assert.ThrowsAsync<NoConnectionException>(() => Database.OpenAsync(context, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(DatabaseProvider.Sqlite, "Data Source=none"), InlineData(DatabaseProvider.PostgreSql, "Host=none")]
    public async Task It_is_one_on_every_database(DatabaseProvider provider, string connectionString)
    {
        await using var database = new Database(new DatabaseOptions(provider, connectionString));

        Assert.Equal(DatabaseFault.Unavailable, database.Dialect.Classify(new NoConnectionException("none", new TimeoutException())));
    }
}
