using System.Globalization;

namespace Messaging.Cli;

/// <summary>Puts together what a storm has to tell.</summary>
internal static class ReportAssembly
{
    private static readonly (string Id, string Name)[] FromDatabase =
        [("I1", "no loss"), ("I2", "no double"), ("I3", "no phantom"), ("I4", "atomic")];

    public static ChaosReport Assemble(
        ChaosSettings settings, ITarget target, Course course, LoadFigures figures, Journal journal,
        IReadOnlyCollection<InjectedFault> faults, IReadOnlyList<Sample> samples, StormEnd end)
    {
        var invariants = Invariants(end, journal, settings.IsMeasuring);
        invariants.AddRange(Bounded(samples, settings.MaxMemoryMegaBytes));
        var counts = settings.Mix.Shares.Select(share => new FaultCount(
            share.Kind.Name, share.Weight, share.AtLeast,
            faults.Count(f => f.Name == share.Kind.Name && f.Error is null), faults.Count(f => f.Name == share.Kind.Name && f.Error is not null))).ToList();
        var exits = target.UnexpectedExits;
        return new ChaosReport
        {
            StartedAt = course.StartedAt,
            DurationSeconds = course.Elapsed.TotalSeconds,
            Target = target.Description,
            Seed = settings.Load.Seed,
            Verdict = Verdict.Of(invariants, counts, exits, end.Summary, journal.Accepted, settings.Keys, end.IsInterrupted, figures.Obstacle),
            Invariants = invariants,
            Recovery = end.Recovery,
            Audit = end.Audit,
            Submitted = figures.Submitted,
            Answered = figures.Accepted,
            Keys = journal.Accepted,
            Replays = journal.ReplaysCompared,
            Retries = figures.Retries,
            Latency = new LatencyFigures(Milliseconds(figures, 50), Milliseconds(figures, 90), Milliseconds(figures, 99), Milliseconds(figures, 99.9), Milliseconds(figures, 100)),
            Answers = [.. figures.Answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => new AnswerCount(a.Key, a.Value))],
            FaultCounts = counts,
            UnexpectedExits = exits,
            Faults = [.. faults.OrderBy(f => f.From)],
            Phases = course.Phases,
            Settings = Settings(settings),
            Samples = samples,
        };
    }

    /// <summary>Those of the audit, and I7 with the throughput and what did not come back. Without an audit: what the clients can tell.</summary>
    private static List<InvariantResult> Invariants(StormEnd end, Journal journal, bool isMeasuring)
    {
        var (audit, recovery, notChecked) = (end.Audit, end.Recovery, end.AuditObstacle ?? "");
        List<InvariantResult> invariants = audit is not null ? [.. audit.Invariants.SkipLast(1).Select(i => end.MayBeOnItsWay ? Undrained(i) : i)] :
        [
            .. FromDatabase.Select(i => InvariantResult.NotChecked(i.Id, i.Name, notChecked)),
            InvariantResult.Of("I5", "stable reply", $"{journal.ReplaysCompared} replays compared with the first acceptance", journal.Differing),
            InvariantResult.NotChecked("I6", "ack after commit", notChecked),
        ];
        var drained = audit?.Invariants[^1];
        var figures = $"{drained?.Figures ?? notChecked}; {recovery?.ToString() ?? (isMeasuring ? "throughput was not compared" : "throughput was not asked for")}";
        var offending = (IReadOnlyList<string>)[.. drained?.Offending ?? [], .. end.Unhealed, .. (string[])(recovery is { IsGood: false } ? [recovery.ToString()] : [])];
        var isUnknown = drained is null or { State: CheckState.NotChecked } || (recovery is null && isMeasuring);
        invariants.Add(isUnknown && offending.Count == 0
            ? InvariantResult.NotChecked("I7", "liveness", figures)
            : InvariantResult.Of("I7", "liveness", figures, offending));
        return invariants;
    }

    /// <summary>The keys are named all the same: whoever starts the service again can look whether they come.</summary>
    private static InvariantResult Undrained(InvariantResult result) => result is { Id: "I1" or "I6", State: CheckState.Violated }
        ? result with { State = CheckState.NotChecked, Figures = result.Figures + "; they may be on their way to what was not healed" }
        : result;

    /// <summary>Nothing where no memory could be seen: that of somebody else's deployment is theirs to watch.</summary>
    private static IEnumerable<InvariantResult> Bounded(IReadOnlyList<Sample> samples, int maxMegaBytes)
    {
        if (samples.Max(s => s.ResidentBytes) is not { } most)
        {
            return [];
        }

        var figures = string.Create(CultureInfo.InvariantCulture, $"a service held {most >> 20} MB of memory at most; {maxMegaBytes} MB are allowed");
        return [InvariantResult.Of("I8", "bounded memory", figures, (string[])(most >> 20 > maxMegaBytes ? [figures] : []))];
    }

    private static List<SettingLine> Settings(ChaosSettings settings) =>
    [
        new("duration", Quantity.Text(settings.Duration)),
        new("storm", string.Create(CultureInfo.InvariantCulture, $"{Quantity.Text(settings.StormLength)}, a fault every {Quantity.Text(settings.Every)}, {settings.Calm * 100:0.#} % calm")),
        new("rate", settings.Load.RatePerSecond == 0 ? "as fast as possible" : string.Create(CultureInfo.InvariantCulture, $"{settings.Load.RatePerSecond:0.#}/s")),
        new("unpaced windows", settings.IsMeasuring ? string.Create(CultureInfo.InvariantCulture, $"{Quantity.Text(settings.Window)}, at least {settings.Recovered * 100:0.#} % after") : "none"),
        new("clients", settings.Load.Concurrency.ToString(CultureInfo.InvariantCulture)),
        new("duplicates", string.Create(CultureInfo.InvariantCulture, $"{settings.Load.Duplicates * 100:0.#} %")),
        new("conflicts", string.Create(CultureInfo.InvariantCulture, $"{settings.Load.Conflicts * 100:0.#} %")),
        new("operations", settings.Load.Operations.ToString().ToLowerInvariant()),
        new("keys promised", settings.Keys.ToString(CultureInfo.InvariantCulture)),
        new("drain limit", Quantity.Text(settings.DrainLimit)),
        new("keys begin with", settings.Load.KeyPrefix),
    ];

    private static double? Milliseconds(LoadFigures figures, double percent) => figures.Percentile(percent) is { } latency ? Math.Round(latency.TotalMilliseconds, 1) : null;
}
