using System.Data.Common;
using System.Text;

namespace Messaging.Transactional;

/// <summary>What the inbox says of a key: the claim that holds it, and the payload it took effect with.</summary>
internal readonly record struct KnownClaim(Guid ClaimId, Fingerprint Fingerprint);

/// <summary>The statements on <c>inbox</c>.</summary>
internal static class InboxTable
{
    private const string Columns = "key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms";

    /// <summary>
    /// One round trip: claims the keys that are free, in order, and reads who holds each key asked for. A key that another transaction
    /// is claiming is waited for, so that a key held by another claim has been committed by it. The bound of that wait holds for the
    /// rest of the transaction too.
    /// </summary>
    public static async Task<Dictionary<Guid, KnownClaim>> ClaimAsync(
        Dialect dialect, DbCommand command, Guid claimId, IReadOnlyList<Candidate> claims, IReadOnlyList<Guid> asked, long nowMs, int lockWaitMilliseconds,
        CancellationToken cancellationToken)
    {
        WriteClaim(dialect, command, claimId, claims, asked, nowMs, lockWaitMilliseconds);
        var ours = claims.ToDictionary(c => c.Digest, c => new KnownClaim(claimId, c.Fingerprint));
        var known = new Dictionary<Guid, KnownClaim>(asked.Count);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await Dialect.ReadClaimAsync(
            reader,
            digest => known[digest] = ours[digest],
            row => known[dialect.ReadId(row, 0)] = new KnownClaim(dialect.ReadId(row, 1), Fingerprint.FromBytes((byte[])row.GetValue(2))),
            cancellationToken);
        return known;
    }

    /// <summary>The text and the parameters of a claim.</summary>
    public static void WriteClaim(
        Dialect dialect, DbCommand command, Guid claimId, IReadOnlyList<Candidate> claims, IReadOnlyList<Guid> asked, long nowMs, int lockWaitMilliseconds)
    {
        const string holder = "h.key_digest, h.claim_id, h.fingerprint";
        var source = dialect.Source(command, RowSet.OfIds("key_digest", asked), "a");
        if (claims.Count == 0)
        {
            command.CommandText = dialect.ByIndex($"SELECT {holder} FROM inbox AS h JOIN {source} ON h.key_digest = a.key_digest", lockWaitMilliseconds);
            return;
        }

        var rows = RowSet.Of(claims, (set, all) => set
            .Ids("key_digest", all, c => c.Digest)
            .Text("client", all, c => c.Key.Client)
            .Text("operation", all, c => c.Key.Operation)
            .Text("idempotency_key", all, c => c.Key.Key)
            .Bytes("fingerprint", all, c => c.Fingerprint.ToBytes())
            .Ids("claim_id", all, _ => claimId)
            .Numbers("claimed_at_ms", all, _ => nowMs)
            .Numbers("accepted_at_ms", all, c => c.AcceptedAt.ToUnixTimeMilliseconds()));
        command.CommandText = dialect.ByIndex(dialect.Claim(new KeyClaim
        {
            Table = "inbox",
            Columns = Columns,
            Rows = dialect.Source(command, rows, "c"),
            Asked = source,
            Holder = holder,
            Returning = "key_digest",
            IsUpdated = true,
        }), lockWaitMilliseconds);
    }

    /// <summary>Stores the outcomes on the rows that this transaction claimed, and gives the number of them that were there.</summary>
    public static string StoreOutcomes(Dialect dialect, DbCommand command, IReadOnlyList<Handled> handled)
    {
        var rows = RowSet.Of([.. handled.OrderBy(h => h.Candidate.Digest)], (set, all) => set
            .Ids("key_digest", all, h => h.Candidate.Digest)
            .Text("status", all, h => h.Outcome.Status)
            .Text("result", all, h => h.Outcome.Result is { } result ? Encoding.UTF8.GetString(result) : null));
        return dialect.Counted(dialect.UpdateClaimed(command, "inbox", "status = u.status, result = u.result, completed_at_ms = @completed_at_ms", rows));
    }
}
