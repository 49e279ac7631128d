using System.Globalization;

namespace Messaging.Cli;

/// <summary>How it stands, in one line.</summary>
internal static class StatusLine
{
    private const int RateSeconds = 5;

    public static string Of(StormStatus status)
    {
        var last = status.Samples.Count > 0 ? status.Samples[^1] : new Sample(0, 0, 0, 0, 0, null, null, null, null);
        return string.Create(CultureInfo.InvariantCulture,
            $"{status.Progress * 100,3:0} %  {status.Phase}: {last.Submitted} submitted, {last.Keys} keys accepted, {Text(last.Effects)} effects, {last.Replays} replays, {Text(last.Parked)} parked, {Text(last.Waiting)} waiting{Age(status)}, {Rate(status.Samples):0}/s, {status.FaultsDone} of {status.FaultsPlanned} faults{Now(status)}");
    }

    /// <summary>Answers a second, over the last few seconds.</summary>
    public static double Rate(IReadOnlyList<Sample> samples)
    {
        if (samples.Count < 2)
        {
            return 0;
        }

        var from = samples[Math.Max(0, samples.Count - 1 - RateSeconds)];
        return (samples[^1].Answered - from.Answered) / Math.Max(0.001, samples[^1].At - from.At);
    }

    public static string Text(long? count) => count?.ToString(CultureInfo.InvariantCulture) ?? "?";

    /// <summary>Within a window in which throughput is measured, nothing is counted.</summary>
    public static string Age(StormStatus status) => status.CountedAt is { } at ? string.Create(CultureInfo.InvariantCulture, $" (database as of {at:0} s)") : "";

    private static string Now(StormStatus status) => status.Faults.Count == 0 ? "" : "; now " + string.Join(", ", status.Faults);
}
