using System.Data.Common;
using System.Globalization;

namespace Messaging.Transactional;

/// <summary>
/// Tells a message that kills its process from one that was only there when a process died. An attempt is on record before the message
/// runs, and taken back when the process has survived it; what is left was fatal. A process has one attempt on record at a time, so that
/// a death accuses one message. Records wait for no disk: one that a failure of the database's machine undoes is an attempt more.
/// </summary>
internal sealed class FatalAttempts(Database database, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    public Task WaitForTurnAsync(CancellationToken cancellationToken) => _turn.WaitAsync(cancellationToken);

    public void EndTurn() => _turn.Release();

    /// <summary>How many processes have died of this key.</summary>
    public async Task<long> CountAsync(Guid key, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = FatalAttemptsTable.Count;
        database.Dialect.AddId(command, "@key_digest", key);
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
    }

    /// <summary>Committed before the message runs: whoever finds it afterwards knows what the process died of.</summary>
    public Task BeginAsync(Guid key, CancellationToken cancellationToken) => WriteAsync(
        command =>
        {
            Dialect.Add(command, "@now_ms", time.GetUtcNow().ToUnixTimeMilliseconds());
            return FatalAttemptsTable.Add(database.Dialect, command, key);
        }, key, cancellationToken);

    /// <summary>The message was held up, or given up by a process that stops, before anybody could die of it: what it was accused of before stands.</summary>
    public Task TakeBackAsync(Guid key, CancellationToken cancellationToken) =>
        WriteAsync(_ => FatalAttemptsTable.TakeBack, key, cancellationToken);

    /// <summary>The process is still there, whatever became of the message.</summary>
    public Task SurvivedAsync(Guid key, CancellationToken cancellationToken) =>
        WriteAsync(_ => FatalAttemptsTable.Delete, key, cancellationToken);

    public void Dispose() => _turn.Dispose();

    private async Task WriteAsync(Func<DbCommand, string> statement, Guid key, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.Dialect.BeginUnflushedAsync(connection, cancellationToken);
        await using var command = transaction.CreateCommand();
        command.CommandText = transaction.Preamble + statement(command);
        database.Dialect.AddId(command, "@key_digest", key);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
