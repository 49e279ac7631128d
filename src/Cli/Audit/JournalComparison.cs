using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>The client's side against the database's: what was answered 2xx must be there, what is there must have been sent.</summary>
internal sealed class JournalComparison
{
    private JournalComparison(IReadOnlyList<string> missing, IReadOnlyList<string> phantoms, IReadOnlyList<string> otherAcceptances) =>
        (Missing, Phantoms, OtherAcceptances) = (missing, phantoms, otherAcceptances);

    /// <summary>Answered 2xx, and there is no submission.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>There, and never sent; or with another payload than the one sent.</summary>
    public IReadOnlyList<string> Phantoms { get; }

    /// <summary>The stored acceptance is not what the client got.</summary>
    public IReadOnlyList<string> OtherAcceptances { get; }

    public static async Task<JournalComparison> ReadAsync(AuditDatabase database, Journal journal, CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        List<string> phantoms = [], acceptances = [];
        await database.ReadAsync(AuditQueries.JournalSide, null, row =>
        {
            if (journal.Find(row.GetString(1)) is not { } entry || entry.Operation != row.GetString(2))
            {
                return;
            }

            seen.Add(entry.Key);
            if (Fingerprint.FromBytes((byte[])row.GetValue(3)) != Fingerprint.Of(entry.Operation, System.Text.Encoding.UTF8.GetBytes(entry.Body)))
            {
                phantoms.Add(entry.Key);
            }

            if (entry.Acceptance is { } acceptance && acceptance != row.GetString(4))
            {
                acceptances.Add(entry.Key);
            }
        }, cancellationToken);
        if (PrefixOf(journal) is { } prefix)
        {
            await database.ReadAsync(AuditQueries.ClaimedKeys, null, row =>
            {
                if (row.GetString(1) is var key && key.StartsWith(prefix, StringComparison.Ordinal) && journal.Find(key) is null)
                {
                    phantoms.Add(key);
                }
            }, cancellationToken);
        }

        return new([.. journal.Entries.Where(e => e.Acceptance is not null && !seen.Contains(e.Key)).Select(e => e.Key)], phantoms, acceptances);
    }

    /// <summary>What all keys of a run begin with; null when the journal is of several runs, or of another program.</summary>
    private static string? PrefixOf(Journal journal)
    {
        var first = journal.Entries.FirstOrDefault()?.Key;
        var prefix = first?[..(first.LastIndexOf('-') + 1)];
        return prefix is { Length: > 0 } && journal.Entries.All(e => e.Key.StartsWith(prefix, StringComparison.Ordinal)) ? prefix : null;
    }
}
