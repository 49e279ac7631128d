namespace Messaging.Transactional;

/// <summary>The one transaction in which a group of submissions is accepted, each with its outgoing message; then its callers are answered.</summary>
internal sealed class GroupTransaction(Database database, Dispatcher dispatcher, AcceptOptions options, int leaseMilliseconds)
{
    /// <summary>
    /// Owns the transaction of a group. Killed before the commit: nothing happened, every key is free. Killed after the commit: the
    /// submissions and their outgoing messages are there; a caller who got no answer asks again and gets a replay. On PostgreSQL the commit
    /// travels with the insert: killed meanwhile, it is the one or the other.
    /// </summary>
    /// <returns>Who has no answer yet: their keys were there, and forgotten by retention before they were read. Now they are free.</returns>
    public async Task<List<PendingSubmission>> RunAsync(List<PendingSubmission> group, WriterConnection connection, int lockWaitMilliseconds)
    {
        // Two requests with one key in the same group: the first one stands for it, the other is answered by what it finds.
        var leasedAt = dispatcher.Now;
        var first = group.DistinctBy(p => p.Digest).Select(p => (p.Digest, p.Submission)).OrderBy(p => p.Digest).ToList();
        using var bounded = new CancellationTokenSource(options.TimeoutMilliseconds);
        Dictionary<Guid, KnownSubmission> known;
        await using (var transaction = await database.Dialect.BeginAsync(await connection.OpenAsync(bounded.Token), bounded.Token))
        {
            await using var command = transaction.CreateCommand();
            CrashPoint.Reach("P1", group.Count);
            var inserting = SubmissionsTable.InsertAsync(
                database.Dialect, command, first, lockWaitMilliseconds, leaseMilliseconds, transaction.Ending, bounded.Token);
            if (transaction.Ending is null)
            {
                await inserting;
                CrashPoint.Reach("P2", group.Count);
                await CrashPoint.ReachWithinAsync("P3", transaction.CommitAsync(bounded.Token), group.Count);
            }
            else
            {
                await CrashPoint.ReachWithinAsync("P3", inserting, group.Count);
            }

            known = await inserting;
        }

        CrashPoint.Reach("P4", group.Count);
        group.ForEach(pending => Answer(pending, known, leasedAt));
        return [.. group.Where(p => !known.ContainsKey(p.Digest))];
    }

    private void Answer(PendingSubmission pending, Dictionary<Guid, KnownSubmission> known, long leasedAt)
    {
        if (!known.TryGetValue(pending.Digest, out var found))
        {
            return;
        }

        var outcome = found.Id == pending.Submission.Id ? SubmissionOutcome.Accepted
            : found.Fingerprint == pending.Submission.Fingerprint ? SubmissionOutcome.Replayed
            : SubmissionOutcome.KeyReused;
        if (outcome == SubmissionOutcome.Accepted)
        {
            dispatcher.HandOver(OutgoingMessage.Of(pending.Submission), leasedAt);
        }

        pending.Answer.TrySetResult(outcome == SubmissionOutcome.KeyReused
            ? new SubmissionResult(outcome, Guid.Empty, [])
            : new SubmissionResult(outcome, found.Id, found.Acceptance));
    }
}
