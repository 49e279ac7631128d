using System.Data.Common;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Stack;

/// <summary>
/// A database and a broker on which cells run one after the other, each under keys of its own. What earlier cells left is judged again
/// with each later one.
/// </summary>
internal abstract class CrashLane(DatabaseOptions database) : IAsyncDisposable
{
    private readonly Transactional.Database _database = new(database);

    private readonly HashSet<string> _reported = [];

    public Journal Journal { get; } = new();

    public Dialect Dialect => _database.Dialect;

    /// <summary>The service that recovers, in this process.</summary>
    public abstract WebApplication Build(string url);

    /// <summary>The same, receiving as the cell says.</summary>
    public virtual WebApplication Build(string url, CrashCell cell) => Build(url);

    /// <summary>The real process that is to die at a point.</summary>
    public abstract ServiceOptions ProcessFor(CrashCell cell);

    /// <summary>True when the process that dies has no HTTP front: its messages come over the broker.</summary>
    public abstract bool IsFedByBroker(CrashCell cell);

    /// <summary>How many connections were reset, and commits cut, so far.</summary>
    public abstract int Cuts { get; }

    /// <param name="atCommitOf">A part of the statement whose commit is to be cut; null to cut all connections now.</param>
    public abstract void CutDatabase(string? atCommitOf);

    public abstract void CutBroker();

    /// <summary>What the broker has; ask it while no service runs, so that nothing is in anybody's hands.</summary>
    public abstract Task<long> QueuedAsync();

    /// <summary>As a foreign producer does, with confirms.</summary>
    public abstract Task PublishAsync(IEnumerable<Request> requests, string client = "external");

    public Task<DbConnection> OpenAsync() => _database.OpenAsync(TestContext.Current.CancellationToken);

    public async Task MigrateAsync()
    {
        System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(typeof(HostedService).TypeHandle);
        await using var app = Build("http://127.0.0.1:0");
        await app.Services.GetRequiredService<Schema>().MigrateAsync(TestContext.Current.CancellationToken);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async Task<long> CountAsync(string table)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT COUNT(*) FROM {table}";
        return Convert.ToInt64(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Nothing waits to be sent, and every key that was accepted has its outcome, or waits for an operator.</summary>
    public async Task<bool> IsSettledAsync()
    {
        await using var connection = await OpenAsync();
        var tables = await Snapshot.TakeAsync(connection, TestContext.Current.CancellationToken);
        var ended = tables.Inbox.Where(i => i.Status is not null).Select(i => i.Key).Concat(tables.ParkedMessages.Select(p => p.Key)).ToHashSet();
        return tables.Outgoing == 0 && Journal.Entries.All(e => e.Answer != Journal.Answer.Accepted || ended.Contains(e.Request.Key));
    }

    /// <summary>
    /// The invariants that do not hold now and were not reported before. A message that is parked is not lost, but nothing is wrong with any here:
    /// only those that come too late, at R1 and R2, may be.
    /// </summary>
    public async Task<IReadOnlyList<Violation>> JudgeAsync()
    {
        await using var connection = await OpenAsync();
        var tables = await Snapshot.TakeAsync(connection, TestContext.Current.CancellationToken);
        var parked = tables.ParkedMessages.Where(p => p.Reason != ParkingReason.TooLate || p.Key?[0] != 'R').Select(p => new Violation("I1", $"{p.Key} was parked as {p.Reason}, and nothing was wrong with it"));
        return [.. InvariantChecker.Check(Journal, tables, await QueuedAsync()).Concat(parked).Where(v => _reported.Add(v.ToString()))];
    }

    public virtual async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
