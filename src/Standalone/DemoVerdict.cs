using Messaging.Consumer;
using Microsoft.EntityFrameworkCore;

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
            Orders: await CountAsync(database, "SELECT COUNT(*) AS \"Value\" FROM submissions", cancellationToken),
            requests,
            replays,
            Effects: await CountAsync(database, "SELECT COUNT(*) AS \"Value\" FROM orders", cancellationToken),
            Lost: await CountAsync(database, "SELECT COUNT(*) AS \"Value\" FROM submissions s WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.idempotency_key = s.idempotency_key)", cancellationToken),
            Doubled: await CountAsync(database, "SELECT COUNT(*) AS \"Value\" FROM (SELECT 1 FROM orders GROUP BY client, idempotency_key HAVING COUNT(*) > 1)", cancellationToken));
    }

    public static async Task<int> CountOutcomesAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await using var scope = services.CreateAsyncScope();
        return await CountAsync(scope.ServiceProvider.GetRequiredService<ConsumerContext>().Database, "SELECT COUNT(*) AS \"Value\" FROM inbox", cancellationToken);
    }

    public override string ToString() =>
        $"{Orders} orders, {Requests} requests, {Replays} replays, {Effects} effects, {Lost} lost, {Doubled} doubled";

    private static Task<int> CountAsync(Microsoft.EntityFrameworkCore.Infrastructure.DatabaseFacade database, string sql, CancellationToken cancellationToken) =>
        database.SqlQueryRaw<int>(sql).SingleAsync(cancellationToken);
}
