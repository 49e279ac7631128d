using Effects = System.Linq.ILookup<(string Operation, string Client, string Key), Messaging.Services.Effect>;
using ParkedRows = System.Linq.ILookup<(string Operation, string? Client, string? Key), Messaging.Services.Snapshot.Parked>;

namespace Messaging.Services;

/// <summary>An invariant of DESIGN that does not hold, and on what; I0 is that there was something to judge.</summary>
public sealed record Violation(string Invariant, string What)
{
    public override string ToString() => $"{Invariant}: {What}";
}

/// <summary>
/// Computes the invariants from what the clients were told, what the tables hold, and what the broker still has. Every crash, kill and
/// control run is judged by this one class (storms by the audit of <c>messaging chaos</c>, which users have). Ask it once everything has come to rest.
/// </summary>
public static class InvariantChecker
{
    /// <param name="journal">Of all clients that used this database.</param>
    /// <param name="tables">The database, after the run.</param>
    /// <param name="queued">Messages that the broker has in its queues, unacknowledged ones included.</param>
    public static IReadOnlyList<Violation> Check(Journal journal, Snapshot tables, long queued)
    {
        var effects = tables.Effects.ToLookup(e => (e.Operation, e.Client, e.Key));
        var parked = tables.ParkedMessages.ToLookup(p => (p.Operation, p.Client, p.Key));
        var accepted = journal.Entries.Where(e => e.Answer == Journal.Answer.Accepted).Select(e => e.Request).Distinct().ToList();
        return
        [
            .. SomethingAccepted(accepted), .. NoLoss(accepted, effects, parked), .. NoDouble(tables, effects), .. NoPhantom(journal, tables),
            .. Atomic(tables, parked), .. StableReply(journal), .. AcknowledgedAfterCommit(accepted, tables, parked, queued), .. Drained(tables, queued),
            .. Unknown(journal, tables, effects),
        ];
    }

    /// <summary>A run that nobody had a request accepted in proves nothing: every invariant holds of nothing.</summary>
    private static IEnumerable<Violation> SomethingAccepted(List<Request> accepted) =>
        accepted.Count > 0 ? [] : [new Violation("I0", "nothing was accepted, so there is nothing to judge")];

    /// <summary>I1: every request answered 2xx ends as an effect with its payload, or one parked row with its body intact.</summary>
    private static IEnumerable<Violation> NoLoss(List<Request> accepted, Effects effects, ParkedRows parked) => accepted
        .Where(r => effects[(r.Operation, r.Client, r.Key)].All(e => e.Payload != r.Payload) && !parked[(r.Operation, r.Client, r.Key)].Any(p => ParkedBody.IsOf(r, p.Body)))
        .Select(r => new Violation("I1", $"{r.Key} was accepted as '{r.Payload}', and has neither an effect nor a parked row with its body"));

    /// <summary>I2: effects per key ≤ 1, and each running balance is the sum of its client's entries in that currency.</summary>
    private static IEnumerable<Violation> NoDouble(Snapshot tables, Effects effects)
    {
        foreach (var key in effects.Where(g => g.Count() > 1))
        {
            yield return new Violation("I2", $"{key.Key.Key} took effect {key.Count()} times");
        }

        var entries = tables.Effects.Where(e => e.Currency is not null)
            .ToLookup(e => (e.Client, e.Currency!), e => decimal.Parse(e.Payload, System.Globalization.CultureInfo.InvariantCulture));
        foreach (var account in entries.Select(e => e.Key).Union(tables.Balances.Keys).Where(a => tables.Balances.GetValueOrDefault(a) != entries[a].Sum()))
        {
            yield return new Violation("I2", $"the balance of {account} is {tables.Balances.GetValueOrDefault(account)}, its entries sum to {entries[account].Sum()}");
        }
    }

    /// <summary>I3: every effect was attempted, with the payload that was accepted first.</summary>
    private static IEnumerable<Violation> NoPhantom(Journal journal, Snapshot tables)
    {
        var attempted = journal.Entries.ToLookup(e => (e.Request.Operation, e.Request.Client, e.Request.Key));
        foreach (var effect in tables.Effects)
        {
            var entries = attempted[(effect.Operation, effect.Client, effect.Key)].ToList();
            var accepted = entries.FirstOrDefault(e => e.Answer == Journal.Answer.Accepted)?.Request.Payload;
            if (entries.All(e => e.Request.Payload != effect.Payload) || (accepted is not null && accepted != effect.Payload))
            {
                yield return new Violation("I3", $"{effect.Key} took effect as '{effect.Payload}', which was not what was accepted: '{accepted ?? "nothing"}'");
            }
        }

        var claimed = tables.Inbox.ToLookup(i => (i.Operation, i.Client, i.Key), i => i.Fingerprint);
        foreach (var s in tables.Submissions.Where(s => claimed[(s.Operation, s.Client, s.Key)].Any(fingerprint => fingerprint != s.Fingerprint)))
        {
            yield return new Violation("I3", $"{s.Key} was submitted with one fingerprint and claimed with another");
        }
    }

    /// <summary>
    /// I4: inbox row, effect and outcome are there together or not at all. Of a key that was forgotten only the effect is left; it is
    /// known by the message that came afterwards, and was parked as too late.
    /// </summary>
    private static IEnumerable<Violation> Atomic(Snapshot tables, ParkedRows parked)
    {
        var effects = tables.Effects.Select(e => (e.Operation, e.Client, e.Key)).ToHashSet();
        var claims = tables.Inbox.Select(i => (i.Operation, i.Client, i.Key)).ToHashSet();
        return tables.Inbox.Where(i => i.Status is null).Select(i => new Violation("I4", $"{i.Key} is claimed and has no outcome"))
            .Concat(tables.Inbox.Where(i => i.Status is "created" or "captured" && !effects.Contains((i.Operation, i.Client, i.Key))).Select(i => new Violation("I4", $"{i.Key} is {i.Status} and has no effect")))
            .Concat(tables.Inbox.Where(i => i.Status == "failed" && effects.Contains((i.Operation, i.Client, i.Key))).Select(i => new Violation("I4", $"{i.Key} is failed and took effect")))
            .Concat(effects.Where(e => !claims.Contains(e) && parked[(e.Operation, e.Client, e.Key)].All(p => p.Reason != "too-late")).Select(e => new Violation("I4", $"{e.Key} took effect and is not claimed")));
    }

    /// <summary>I5: same key and payload, byte-same acceptance and never a refusal; same key and another payload, never accepted.</summary>
    private static IEnumerable<Violation> StableReply(Journal journal)
    {
        foreach (var key in journal.Entries.GroupBy(e => (e.Request.Operation, e.Request.Client, e.Request.Key)))
        {
            var accepted = key.Where(e => e.Answer == Journal.Answer.Accepted && e.Acceptance is not null).ToList();
            if (accepted.DistinctBy(e => e.Request.Payload).Count() > 1)
            {
                yield return new Violation("I5", $"{key.Key.Key} was accepted with two payloads");
            }
            else if (accepted.DistinctBy(e => e.Acceptance).Count() > 1)
            {
                yield return new Violation("I5", $"{key.Key.Key} was answered in two ways");
            }

            // Whose key it is: what was accepted, or the only payload that was ever sent.
            var owners = (accepted.Count > 0 ? accepted : [.. key]).Select(e => e.Request.Payload).Distinct().ToList();
            if (owners is [var owner] && key.Any(e => e.Answer == Journal.Answer.Refused && e.Request.Payload == owner))
            {
                yield return new Violation("I5", $"{key.Key.Key} was refused to the payload that it stands for");
            }
        }
    }

    /// <summary>
    /// I6: with nothing under way any more, what is without an outcome was acknowledged, or counted as sent, too early. It may be known by
    /// its submission alone (no answer came) or by the journal alone (a foreign message has no submission).
    /// </summary>
    private static IEnumerable<Violation> AcknowledgedAfterCommit(List<Request> accepted, Snapshot tables, ParkedRows parked, long queued)
    {
        var claims = tables.Inbox.Select(i => (i.Operation, i.Client, i.Key)).ToHashSet();
        return queued > 0 || tables.Outgoing > 0 ? [] : tables.Submissions.Select(s => (s.Operation, s.Client, s.Key))
            .Union(accepted.Select(r => (r.Operation, r.Client, r.Key)))
            .Where(key => !claims.Contains(key) && !parked[key].Any())
            .Select(key => new Violation("I6", $"{key.Key} was accepted, and its message was let go without an outcome"));
    }

    /// <summary>I7: queue, unacknowledged and outbox reach 0.</summary>
    private static IEnumerable<Violation> Drained(Snapshot tables, long queued)
    {
        if (tables.Outgoing > 0)
        {
            yield return new Violation("I7", $"{tables.Outgoing} outgoing rows are left");
        }

        if (queued > 0)
        {
            yield return new Violation("I7", $"{queued} messages are left in the queues");
        }
    }

    /// <summary>I11: what was answered with "unknown" happened once or not at all.</summary>
    private static IEnumerable<Violation> Unknown(Journal journal, Snapshot tables, Effects effects)
    {
        var submitted = tables.Submissions.ToLookup(s => (s.Operation, s.Client, s.Key));
        return journal.Entries.Where(e => e.Answer == Journal.Answer.Unknown).Select(e => (e.Request.Operation, e.Request.Client, e.Request.Key)).Distinct()
            .Where(key => submitted[key].Count() > 1 || effects[key].Count() > 1)
            .Select(key => new Violation("I11", $"{key.Key}, whose answer was unknown, happened more than once"));
    }
}
