using System.Data;
using System.Data.Common;
using Messaging.Consumer;
using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>What EF Core would send to SQL Server for the handlers of the consumer, caught before it is sent.</summary>
public sealed class HandlerStatementTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public async Task Orders_are_inserted_without_MERGE_and_without_reading_back(int count)
    {
        var handler = new SubmitOrderHandler(TimeProvider.System, new OrdersOptions());
        var sent = await SendAsync(async database =>
        {
            for (var i = 0; i < count; i++)
            {
                await handler.HandleAsync(Incoming(new SubmitOrder("client", $"{i}", Guid.CreateVersion7(), "", Now, "book", 1)), database, TestContext.Current.CancellationToken);
            }
        });

        Assert.All(sent, text => TSql.AssertParses("orders", text));
        Assert.Contains(sent, text => text.Contains("INSERT INTO [orders]", StringComparison.Ordinal));
        Assert.DoesNotContain(sent, text => text.Contains("MERGE", StringComparison.Ordinal) || text.Contains("OUTPUT", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_payment_locks_its_balance_before_it_adds()
    {
        var handler = new CapturePaymentHandler(TimeProvider.System);
        var sent = await SendAsync(database => handler.HandleAsync(
            Incoming(new CapturePayment("client", "key", Guid.CreateVersion7(), "", Now, 1.5m, "EUR")), database, TestContext.Current.CancellationToken));

        Assert.All(sent, text => TSql.AssertParses("payments", text));
        Assert.Contains(sent, text => text.Contains("[amount] = [b].[amount]", StringComparison.Ordinal) && !text.Contains("[b].[amount] +", StringComparison.Ordinal));
        Assert.Contains(sent, text => text.Contains("INSERT INTO [ledger]", StringComparison.Ordinal));
    }

    private static Incoming<T> Incoming<T>(T message) => new(message, new ScopedKey("client", "operation", "key"), Fingerprint.Of("operation", "{}"u8.ToArray()), Now);

    private static async Task<List<string>> SendAsync(Func<ConsumerContext, Task> handle)
    {
        var recorder = new Recorder();
        var services = new ServiceCollection();
        services.AddSingleton(new Transactional.Database(new DatabaseOptions(DatabaseProvider.SqlServer, "Server=nowhere")));
        services.AddConsumerContext(DatabaseProvider.SqlServer);
        services.ConfigureDbContext<SqlServerConsumerContext>(options => options.AddInterceptors(recorder, new NoConnection()));
        await using var provider = services.BuildServiceProvider();
        await using var scope = provider.CreateAsyncScope();
        var database = scope.ServiceProvider.GetRequiredService<ConsumerContext>();
        database.Database.AutoTransactionBehavior = AutoTransactionBehavior.Never;
        await handle(database);
        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
        Assert.NotEmpty(recorder.Sent);
        return recorder.Sent;
    }

    private sealed class Recorder : DbCommandInterceptor
    {
        public List<string> Sent { get; } = [];

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Sent.Add(command.CommandText);
            return new(InterceptionResult<int>.SuppressWithResult(0));
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Sent.Add(command.CommandText);
            return new(InterceptionResult<DbDataReader>.SuppressWithResult(new DataTable().CreateDataReader()));
        }
    }

    private sealed class NoConnection : DbConnectionInterceptor
    {
        public override ValueTask<InterceptionResult> ConnectionOpeningAsync(
            DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default) => new(InterceptionResult.Suppress());

        public override ValueTask<InterceptionResult> ConnectionClosingAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result) => new(InterceptionResult.Suppress());
    }
}
