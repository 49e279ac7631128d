using System.Globalization;

namespace Messaging.Cli;

/// <summary>Throughput, in answers and in effects a second; of effects no more than keys came in, so that what had waited before does not count.</summary>
internal sealed record Throughput(double Answers, double? Effects)
{
    /// <summary>Between the first and the last sample of a stretch of time; null when there are fewer than two.</summary>
    public static Throughput? Of(IReadOnlyList<Sample> samples, Phase phase)
    {
        var within = samples.Where(s => s.At >= phase.From && s.At <= phase.Until).ToList();
        List<Sample> seen = [.. within.Where(s => s.Effects is not null)];
        return within.Count < 2 ? null : new(
            Rate(within, s => s.Answered) ?? 0,
            Rate(seen, s => s.Effects!.Value) is { } effects && Rate(seen, s => s.Keys) is { } keys ? Math.Min(effects, keys) : null);
    }

    /// <summary>Of windows of one length.</summary>
    public static Throughput Mean(IReadOnlyList<Throughput> windows) =>
        new(windows.Average(w => w.Answers), windows.All(w => w.Effects is not null) ? windows.Average(w => w.Effects) : null);

    private static double? Rate(List<Sample> samples, Func<Sample, long> count) =>
        samples.Count >= 2 && samples[^1].At > samples[0].At ? (count(samples[^1]) - count(samples[0])) / (samples[^1].At - samples[0].At) : null;
}

/// <summary>As much as the deployment takes, before the first fault and after the last one was healed. The worse of the two ratios counts.</summary>
/// <param name="Before">In the window before.</param>
/// <param name="After">The mean of the windows after.</param>
/// <param name="Wanted">How much of before must be there again.</param>
internal sealed record Recovery(Throughput Before, Throughput After, double Wanted)
{
    public const double Standard = 0.95;

    public double Ratio => Before.Answers <= 0 ? 0 : Math.Min(
        After.Answers / Before.Answers,
        Before.Effects is > 0 and var before ? (After.Effects ?? 0) / before : double.MaxValue);

    public bool IsGood => Ratio >= Wanted;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"unpaced throughput after is {Ratio * 100:0.#} % of before, at least {Wanted * 100:0.#} % is wanted: {Before.Answers:0.#} to {After.Answers:0.#} answers/s, {Effects}");

    /// <summary>Without a database, or one that did not answer in the windows, nobody knows them: zero would be a finding.</summary>
    private string Effects => Before.Effects is null && After.Effects is null ? "effects not known" : $"{Text(Before.Effects)} to {Text(After.Effects)} effects/s";

    private static string Text(double? rate) => rate?.ToString("0.#", CultureInfo.InvariantCulture) ?? "?";
}
