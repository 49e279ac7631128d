using System.Data.Common;

namespace Messaging.Transactional;

/// <summary>Step 4, a and b: claims the keys of a batch as one set and compares the fingerprints of those that are known.</summary>
internal sealed class InboxClaim(Database database, RetentionOptions retention, TimeProvider time)
{
    /// <param name="transaction">Holds the claims until it ends.</param>
    /// <param name="batch">What was received, in order.</param>
    /// <param name="lockWaitMilliseconds">How long each lock that somebody else holds is waited for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was decided, item by item.</returns>
    /// <exception cref="ClaimCollisionException">The claim does not hold.</exception>
    public async Task<InboxDecision[]> DecideAsync(
        WriteTransaction transaction, IReadOnlyList<ReadDelivery> batch, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var decisions = new InboxDecision[batch.Count];
        Array.Fill(decisions, InboxDecision.Unreadable);
        var horizonMs = nowMs - retention.Milliseconds;
        var firsts = FindFirsts(batch, horizonMs);
        if (firsts.Count == 0)
        {
            return decisions;
        }

        var claimId = Guid.CreateVersion7();
        var known = await ClaimAsync(transaction, [.. firsts.Values.Select(at => (Candidate)batch[at].Reading)], claimId, nowMs, horizonMs, lockWaitMilliseconds, cancellationToken);

        // Whoever stalls between reading the clock and claiming may find a key free that retention has forgotten meanwhile.
        if (time.GetUtcNow().ToUnixTimeMilliseconds() - nowMs > retention.ToleranceMilliseconds / 2)
        {
            throw new ClaimCollisionException("The claim took so long that what is too late has to be judged anew.");
        }

        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Reading is Candidate candidate)
            {
                decisions[i] = Decide(candidate, isFirst: firsts[candidate.Digest] == i, known, claimId);
            }
        }

        return decisions;
    }

    /// <summary>
    /// Which item of the batch claims each key: the first that is not too late to. Sorted by key: two batches that claim the same keys in different
    /// orders would deadlock.
    /// </summary>
    private static SortedDictionary<Guid, int> FindFirsts(IReadOnlyList<ReadDelivery> batch, long horizonMs)
    {
        var firsts = new SortedDictionary<Guid, int>();
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Reading is Candidate candidate
                && !firsts.TryAdd(candidate.Digest, i)
                && IsLate((Candidate)batch[firsts[candidate.Digest]].Reading, horizonMs)
                && !IsLate(candidate, horizonMs))
            {
                firsts[candidate.Digest] = i;
            }
        }

        return firsts;
    }

    private static bool IsLate(Candidate candidate, long horizonMs) => candidate.AcceptedAt.ToUnixTimeMilliseconds() < horizonMs;

    /// <summary>Asks for all keys, but claims none that is too late: whether it is free says nothing any more.</summary>
    private async Task<Dictionary<Guid, KnownClaim>> ClaimAsync(
        WriteTransaction transaction, List<Candidate> asked, Guid claimId, long nowMs, long horizonMs, int lockWaitMilliseconds, CancellationToken cancellationToken)
    {
        var claims = asked.FindAll(c => !IsLate(c, horizonMs));
        await using var command = transaction.CreateCommand();
        try
        {
            var known = await InboxTable.ClaimAsync(
                database.Dialect, command, claimId, claims, asked.ConvertAll(c => c.Digest), nowMs, lockWaitMilliseconds, cancellationToken);
            return claims.TrueForAll(c => known.ContainsKey(c.Digest))
                ? known
                : throw new ClaimCollisionException("A key was forgotten between the claim that found it and the reading of what it stands for: now it is free.");
        }
        catch (DbException exception) when (database.Dialect.IsClaimCollision(exception))
        {
            throw new ClaimCollisionException("Two claims of one key met.", exception);
        }
    }

    private static InboxDecision Decide(Candidate candidate, bool isFirst, Dictionary<Guid, KnownClaim> known, Guid claimId) =>
        !known.TryGetValue(candidate.Digest, out var claim) ? InboxDecision.TooLate
        : claim.Fingerprint != candidate.Fingerprint ? InboxDecision.Conflict
        : isFirst && claim.ClaimId == claimId ? InboxDecision.Claimed
        : InboxDecision.Duplicate;
}

/// <summary>The claim does not hold; the batch runs again.</summary>
internal sealed class ClaimCollisionException(string message, Exception? inner = null) : Exception(message, inner);
