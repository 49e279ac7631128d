using System.Data.Common;
using System.Text;

namespace Messaging.Cli;

/// <summary>
/// Compares submissions, inbox, effects, parked messages, outgoing rows and queues, and what a client remembers. It reads; while a load
/// is running, what is on its way looks lost to it.
/// </summary>
internal sealed class Auditor(AuditSettings settings, Journal? journal)
{
    private const string NoJournal = "no --journal: what clients were answered is not known";

    /// <param name="database">Open for reading.</param>
    /// <param name="queues">Null when no broker was named, or it did not answer.</param>
    /// <param name="cancellationToken">Stops; there is no report then.</param>
    /// <exception cref="DbException">The database could not be read, or a table is not there.</exception>
    public async Task<AuditReport> RunAsync(AuditDatabase database, IReadOnlyList<QueueCount>? queues, CancellationToken cancellationToken)
    {
        var compared = journal is null ? null : await JournalComparison.ReadAsync(database, journal, cancellationToken);
        List<string> lost = [.. compared?.Missing ?? []], doubled = [], wrongBalances = [], torn = [];
        var effects = 0L;
        foreach (var table in settings.Effects)
        {
            Task<List<string>> Find(string sql) => database.KeysAsync(sql, table.Operation, cancellationToken);
            if (table.Table is null)
            {
                lost.AddRange(await Find(AuditQueries.WithoutOutcome));
                continue;
            }

            effects += await database.CountAsync($"SELECT COUNT(*) FROM {table.Table}", cancellationToken);
            lost.AddRange(await Find(AuditQueries.Lost(table.Table)));
            doubled.AddRange(await Find(AuditQueries.Doubled(table.Table)));
            torn.AddRange((await Find(AuditQueries.OutcomeAgainstEffect(table.Table))).Select(key => key + " (claimed, no effect)"));
            torn.AddRange((await Find(AuditQueries.EffectWithoutClaim(table.Table, settings.AllowForgotten))).Select(key => key + " (effect, not claimed)"));
            wrongBalances.AddRange(table.Balances is null ? [] : (await Find(AuditQueries.WrongBalances(table, database.Provider))).Select(b => $"balance of {b}"));
        }

        torn.AddRange((await database.KeysAsync(AuditQueries.ClaimedWithoutOutcome, null, cancellationToken)).Select(key => key + " (claimed, no outcome)"));
        lost.AddRange((await FindBrokenParkedAsync(database, cancellationToken)).Select(key => key + " (parked, body not intact)"));
        var otherPayload = await database.KeysAsync(AuditQueries.OtherPayload, null, cancellationToken);
        var outgoing = await database.CountAsync("SELECT COUNT(*) FROM outgoing_messages", cancellationToken);
        var parked = await database.CountAsync("SELECT COUNT(*) FROM parked_messages", cancellationToken);
        var uncompared = (await database.KeysAsync(AuditQueries.Operations, null, cancellationToken)).Select(o => o[..^1]).Except(settings.Effects.Select(e => e.Operation)).ToList();
        return new AuditReport
        {
            Keys = await database.CountAsync("SELECT COUNT(*) FROM submissions", cancellationToken),
            Effects = effects,
            Lost = lost.Count,
            Doubled = doubled.Count,
            Parked = parked,
            Outgoing = outgoing,
            Queues = queues ?? [],
            Uncompared = uncompared,
            Invariants =
            [
                Unless(uncompared, Loss(lost, parked)),
                Unless(uncompared, InvariantResult.Of("I2", "no double", $"{effects} effects, {doubled.Count} keys with more than one; {wrongBalances.Count} balances that are not the sum of their entries{OutcomesOnly}", doubled.Concat(wrongBalances))),
                InvariantResult.Of("I3", "no phantom", $"{otherPayload.Count} effects of another payload than the accepted one; " + (compared is null ? NoJournal : $"{compared.Phantoms.Count} never sent so"), otherPayload.Concat(compared?.Phantoms ?? [])),
                Unless(uncompared, InvariantResult.Of("I4", "atomic", $"{torn.Count} keys for which inbox row, outcome and effect are not there together", torn)),
                StableReply(compared),
                Unless(uncompared, AfterCommit(lost, outgoing, queues)),
                Liveness(outgoing, queues),
            ],
        };
    }

    /// <summary>What holds as far as was looked does not hold for what was not looked at.</summary>
    private static InvariantResult Unless(List<string> uncompared, InvariantResult result) => uncompared.Count == 0 || result.State != CheckState.Holds
        ? result
        : result with { State = CheckState.NotChecked, Figures = $"{result.Figures}; NOT looked at: {string.Join(", ", uncompared)}" };

    private InvariantResult Loss(List<string> lost, long parked) => InvariantResult.Of("I1", "no loss",
        $"{lost.Count} accepted keys without effect, refusal or parked message; {parked} parked"
            + (journal is null ? "; " + NoJournal : $"; {journal.Accepted} of {journal.Attempted} keys sent were answered 2xx"),
        lost);

    private string OutcomesOnly => settings.Effects.Where(e => e.Table is null).Select(e => e.Operation).ToList() is { Count: > 0 } unseen ? $"; of {string.Join(", ", unseen)} only outcomes can be seen" : "";

    private InvariantResult StableReply(JournalComparison? compared) =>
        compared is null ? InvariantResult.NotChecked("I5", "stable reply", NoJournal)
        : journal!.Accepted == 0 && journal.Differing.Count == 0 ? InvariantResult.NotChecked("I5", "stable reply", "the journal holds no acceptance that could be compared")
        : InvariantResult.Of("I5", "stable reply", $"{journal.ReplaysCompared} replays compared with the first acceptance, {journal.Accepted} acceptances with the database",
            journal.Differing.Concat(compared.OtherAcceptances));

    private static InvariantResult AfterCommit(List<string> lost, long outgoing, IReadOnlyList<QueueCount>? queues) =>
        queues is null ? InvariantResult.NotChecked("I6", "ack after commit", "no broker was read: a key without outcome may still be in a queue")
        : outgoing > 0 || !queues.All(q => q.IsEmpty) ? InvariantResult.NotChecked("I6", "ack after commit", "queues or outgoing rows are not empty: what has no outcome may be in them")
        : InvariantResult.Of("I6", "ack after commit", $"nothing is on its way any more, and {lost.Count} keys were acknowledged or dropped without a commit", lost);

    private static InvariantResult Liveness(long outgoing, IReadOnlyList<QueueCount>? queues)
    {
        var full = (queues ?? []).Where(q => !q.IsEmpty).Select(q => q.ToString());
        var figures = string.Join("; ", [$"{outgoing} outgoing rows", .. queues is null ? (string[])["no broker was read: what its queues hold is not known"] : queues.Select(q => q.ToString())]);
        // Ready alone does not say that a queue is empty: what somebody holds may come back.
        var unseen = queues is null || queues.Any(q => q is { Ready: not null, Unacknowledged: null });
        return unseen && outgoing == 0 && !full.Any()
            ? InvariantResult.NotChecked("I7", "liveness", figures + (queues is null ? "" : "; name --management to see what is unacknowledged"))
            : InvariantResult.Of("I7", "liveness", figures, outgoing > 0 ? full.Prepend($"{outgoing} outgoing rows") : full);
    }

    /// <summary>The message of a parked row must hold what was accepted, to the byte.</summary>
    private static async Task<List<string>> FindBrokenParkedAsync(AuditDatabase database, CancellationToken cancellationToken)
    {
        var broken = new List<string>();
        await database.ReadAsync(AuditQueries.ParkedBodies, null, row =>
        {
            if (((byte[])row.GetValue(2)).AsSpan().IndexOf(Encoding.UTF8.GetBytes(row.GetString(3))) < 0)
            {
                broken.Add($"{row.GetString(0)}/{row.GetString(1)}");
            }
        }, cancellationToken);
        return broken;
    }
}
