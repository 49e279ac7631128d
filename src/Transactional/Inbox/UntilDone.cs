using System.Data.Common;
using Microsoft.Extensions.Logging;

namespace Messaging.Transactional;

/// <summary>
/// Runs work on the database until it is done or the work itself is at fault. While the database is away this holds what it has; the
/// broker hands out no more than the prefetch count.
/// </summary>
internal sealed partial class UntilDone(Database database, TimeProvider time, ILogger log, CancellationToken stopping)
{
    private const int MaxCollisions = 50;

    private static readonly TimeSpan OutageRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private Task<bool> _waitingOut = Task.FromResult(false);

    public Task RunAsync(Func<CancellationToken, Task> work) => RunAsync(async ct =>
    {
        await work(ct);
        return true;
    });

    /// <param name="work">What to run.</param>
    /// <param name="maxRefusals">
    /// How often it may be told that the database is unavailable, when the database in fact answers: it then lacks what this work asks of it (room,
    /// memory, a file), and what it lacks for many it may have for one. Without end for work that nobody can make smaller.
    /// </param>
    /// <exception cref="OperationCanceledException">The process stops while the database is away.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, int maxRefusals = int.MaxValue)
    {
        var refusals = 0;
        for (var collisions = 0; ; collisions++)
        {
            try
            {
                // A batch that has begun is finished, also while the process stops: the host bounds how long that may take.
                return await work(CancellationToken.None);
            }
            catch (Exception exception)
            {
                switch (Classify(exception))
                {
                    case DatabaseFault.Collision when collisions < MaxCollisions:
                        await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * (collisions + 1))), time, CancellationToken.None);
                        break;
                    case DatabaseFault.Unavailable when ++refusals < maxRefusals:
                        await WaitForDatabaseAsync(exception);
                        break;
                    case DatabaseFault.Unavailable or DatabaseFault.Timeout when !await DatabaseHealthCheck.AnswersAsync(database, ProbeLimit, CancellationToken.None):
                        await WaitForDatabaseAsync(exception);
                        break;
                    default:
                        throw;
                }
            }
        }
    }

    /// <summary>For work that somebody else does and that failed: an outage is waited for once for all of them, who may be thousands.</summary>
    /// <returns>True when there was an outage, which is over now; false for whatever else failed.</returns>
    /// <exception cref="OperationCanceledException">The process stops while the database is away.</exception>
    public Task<bool> WaitOutAsync(Exception exception)
    {
        if (Classify(exception) is not (DatabaseFault.Unavailable or DatabaseFault.Timeout))
        {
            return Task.FromResult(false);
        }

        lock (_lock)
        {
            return _waitingOut = _waitingOut.IsCompleted ? LookAsync() : _waitingOut;
        }

        async Task<bool> LookAsync()
        {
            if (await DatabaseHealthCheck.AnswersAsync(database, ProbeLimit, stopping))
            {
                return false;
            }

            await WaitForDatabaseAsync(exception);
            return true;
        }
    }

    public DatabaseFault Classify(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case ClaimCollisionException:
                    return DatabaseFault.Collision;
                case ForeignConnectionException or HandlerTimeoutException:
                    return DatabaseFault.Work;
                case DbException fault:
                    return database.Dialect.Classify(fault);
                default:
                    break;
            }
        }

        return DatabaseFault.Work;
    }

    private async Task WaitForDatabaseAsync(Exception exception)
    {
        Waiting(exception.Message);
        do
        {
            await Task.Delay(OutageRetry, time, stopping);
        }
        while (!await DatabaseHealthCheck.AnswersAsync(database, ProbeLimit, stopping));
    }

    [LoggerMessage(LogLevel.Warning, "Holding what has been received until the database is back: {Reason}")]
    private partial void Waiting(string reason);
}
