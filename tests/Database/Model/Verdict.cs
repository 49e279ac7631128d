using System.Text;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Compares the model with what is in the tables, once everything has been delivered.</summary>
internal sealed class Verdict(History history, Tables tables, Engine engine, TimeSpan horizon, TimeSpan memory)
{
    /// <summary>Between two readings of the clock in one unit of work.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(1);

    private readonly List<string> _violations = [];

    public async Task<IReadOnlyList<string>> FindViolationsAsync()
    {
        var submissions = (await tables.RowsAsync("SELECT id, idempotency_key FROM submissions")).ToDictionary(r => ToId(r[0]!), r => (string)r[1]!);
        var claimed = (await tables.TextsAsync("SELECT idempotency_key FROM inbox WHERE status IS NOT NULL")).ToHashSet();
        var parked = (await tables.RowsAsync("SELECT idempotency_key, body, fingerprint, accepted_at_ms FROM parked_messages")).ToLookup(r => (string)r[0]!, Parked.Read);
        var effects = (await tables.RowsAsync("SELECT idempotency_key, item FROM orders")).Select(r => Effect.Read((string)r[0]!, (string)r[1]!)).ToLookup(e => e.Key);
        foreach (var id in submissions.Keys)
        {
            history.Found(id);
        }

        await NothingWaitsAsync(submissions);
        foreach (var key in effects)
        {
            OneEffectEach(key);
            NoPhantoms(key);
            FailsClosed(key);
        }

        Atomic(submissions, claimed, effects);
        NothingLost(submissions, parked, effects);
        return [.. history.Violations, .. _violations];
    }

    private async Task NothingWaitsAsync(Dictionary<Guid, string> submissions)
    {
        Require(await tables.CountAsync("outgoing_messages") == 0, "I7: messages wait in the outbox");
        Require(await tables.CountAsync("inbox", "status IS NULL") == 0, "I4: a claim without an outcome");
        var settled = (await engine.Submissions.FindSettledAsync([.. submissions.Keys], CancellationToken.None)).Select(s => s.Id).ToHashSet();
        foreach (var (id, key) in submissions.Where(s => !settled.Contains(s.Key)))
        {
            _violations.Add($"I1: {key} {id} has neither an outcome nor a parked message");
        }
    }

    /// <summary>I2: no message twice, and no second effect of a key within its memory.</summary>
    private void OneEffectEach(IGrouping<string, Effect> key)
    {
        foreach (var twice in key.GroupBy(e => (e.Word, e.AcceptedAt, e.Id)).Where(g => g.Count() > 1))
        {
            _violations.Add($"I2: {key.Key} took effect {twice.Count()} times: {twice.Key}");
        }

        foreach (var (first, second) in key.OrderBy(e => e.At).Zip(key.OrderBy(e => e.At).Skip(1)))
        {
            Require(second.At >= first.AcceptedAt + memory - Slack, $"I2: {second} took effect while {first} was remembered");
        }
    }

    private void NoPhantoms(IGrouping<string, Effect> key)
    {
        foreach (var effect in key.Where(e => e.Id != Guid.Empty))
        {
            var attempt = history.Attempt(effect.Id);
            Require(attempt is not null && attempt.Fingerprint == Fingerprint.Of(ModelMessage.Operation, ModelMessage.Payload(effect.Word)), $"I3: nobody asked for {effect}");
            Require(history.Lives.Any(l => l.Id == effect.Id), $"I3: {effect} is not what its key stood for");
        }
    }

    private void FailsClosed(IGrouping<string, Effect> key)
    {
        foreach (var effect in key)
        {
            Require(effect.At - effect.AcceptedAt <= horizon + Slack, $"I10: {effect} ran past the horizon");
        }
    }

    private void Atomic(Dictionary<Guid, string> submissions, HashSet<string> claimed, ILookup<string, Effect> effects)
    {
        foreach (var key in claimed)
        {
            var last = effects[key].MaxBy(e => e.At);
            Require(last is not null, $"I4: {key} is claimed and has no effect");
            Require(last is null || last.Id == Guid.Empty || submissions.ContainsKey(last.Id), $"I4: of {last} the submission is forgotten and the claim is not");
        }

        foreach (var effect in effects.SelectMany(e => e).Where(e => submissions.ContainsKey(e.Id)))
        {
            Require(claimed.Contains(effect.Key), $"I4: of {effect} the claim is forgotten and the submission is not");
        }
    }

    /// <summary>I1: each acceptance, and each foreign message that was acknowledged, is an effect or lies parked with its body intact.</summary>
    private void NothingLost(Dictionary<Guid, string> submissions, ILookup<string, Parked> parked, ILookup<string, Effect> effects)
    {
        foreach (var life in history.Lives)
        {
            var key = life.Key.Key;
            var tookEffect = effects[key].Any(e => e.Id == life.Id || (e.Id == Guid.Empty && Fingerprint.Of(ModelMessage.Operation, ModelMessage.Payload(e.Word)) == life.Fingerprint));
            var isParked = parked[key].Any(p => p.Body.AsSpan().IndexOf(life.Body) >= 0 || p.IsSameWorkAs(life));
            Require(tookEffect || isParked, $"I1: {key} {life.Id} was accepted and is lost");
            Require(tookEffect || submissions.ContainsKey(life.Id), $"I1: {key} {life.Id} was forgotten without having taken effect");
        }

        foreach (var parcel in history.Settled)
        {
            Require(
                effects[parcel.Key].Any(e => e.Word == parcel.ForeignWord) || parked[parcel.Key].Any(p => p.Body.AsSpan().SequenceEqual(parcel.Delivery.Body.Span)),
                $"I1: the foreign message {parcel.Key} {Encoding.UTF8.GetString(parcel.Delivery.Body.Span)} was acknowledged and is lost");
        }
    }

    private void Require(bool holds, string violation)
    {
        if (!holds)
        {
            _violations.Add(violation);
        }
    }

    private static Guid ToId(object value) => value is Guid id ? id : new Guid((byte[])value, bigEndian: true);

    private sealed record Parked(byte[] Body, Fingerprint? Fingerprint, long? AcceptedAtMs)
    {
        /// <summary>A foreign producer asked for the same, under the same key, in the same millisecond: whoever hands this one in again has done both.</summary>
        public bool IsSameWorkAs(Submission life) => Fingerprint == life.Fingerprint && AcceptedAtMs == life.AcceptedAt.ToUnixTimeMilliseconds();

        public static Parked Read(IReadOnlyList<object?> row) =>
            new((byte[])row[1]!, row[2] is byte[] fingerprint ? Transactional.Fingerprint.FromBytes(fingerprint) : null, row[3] as long?);
    }
}
