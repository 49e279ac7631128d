using System.Data.Common;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Messaging.Transactional;

/// <summary>Ready when the gate is open and the database answers now.</summary>
internal sealed class DatabaseHealthCheck(Database database, DatabaseGate gate) : IHealthCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (gate.ClosedBecause is { } reason)
        {
            return HealthCheckResult.Unhealthy(reason);
        }

        return await AnswersAsync(database, Limit, cancellationToken)
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy("The database does not answer.");
    }

    /// <summary>Whether a new connection answers something simple within the limit: tells an absent server from a slow statement.</summary>
    public static async Task<bool> AnswersAsync(Database database, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(limit);
        try
        {
            await using var connection = await database.OpenAsync(bounded.Token);
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT 1";
            await command.ExecuteScalarAsync(bounded.Token);
            return true;
        }
        catch (Exception exception) when (exception is DbException or TimeoutException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }
}
