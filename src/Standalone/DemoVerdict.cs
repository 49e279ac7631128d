using System.Globalization;
using Messaging.Consumer;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace Messaging.Standalone;

/// <summary>What the database says after a demo. Requests and replays are what the callers saw.</summary>
internal sealed record DemoVerdict(int Orders, int Requests, int Replays, int Effects, int Lost, int Doubled)
{
    public bool IsGood => Lost == 0 && Doubled == 0 && Effects == Orders && Replays == Requests - Orders;

    public static async Task<DemoVerdict> ComputeAsync(IServiceProvider services, int requests, int replays, CancellationToken cancellationToken)
    {
        await using var scope = services.CreateAsyncScope();
        var database = scope.ServiceProvider.GetRequiredService<ConsumerContext>().Database;
        return new DemoVerdict(
            Orders: await CountAsync(database, "SELECT COUNT(*) FROM submissions", cancellationToken),
            requests,
            replays,
            Effects: await CountAsync(database, "SELECT COUNT(*) FROM orders", cancellationToken),
            Lost: await CountAsync(database, "SELECT COUNT(*) FROM (SELECT client, idempotency_key FROM submissions EXCEPT SELECT client, idempotency_key FROM orders)", cancellationToken),
            Doubled: await CountAsync(database, "SELECT COUNT(*) FROM (SELECT 1 FROM orders GROUP BY client, idempotency_key HAVING COUNT(*) > 1)", cancellationToken));
    }

    public static async Task<int> CountOutcomesAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await using var scope = services.CreateAsyncScope();
        return await CountAsync(scope.ServiceProvider.GetRequiredService<ConsumerContext>().Database, "SELECT COUNT(*) FROM inbox", cancellationToken);
    }

    public override string ToString() =>
        $"{Orders} orders, {Requests} requests, {Replays} replays, {Effects} effects, {Lost} lost, {Doubled} doubled";

    /// <summary>Without a LINQ query, which would be translated while the service is being timed.</summary>
    private static async Task<int> CountAsync(DatabaseFacade database, string sql, CancellationToken cancellationToken)
    {
        await database.OpenConnectionAsync(cancellationToken);
        await using var command = database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt32(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
    }
}
