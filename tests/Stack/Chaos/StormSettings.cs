using System.Globalization;

namespace Messaging.Stack;

/// <summary>
/// How long and how hard: three minutes in CI; tests/storm sets the variables for more. In CI two windows of eight seconds say little of the
/// throughput: there only most of the capacity that is gone for good would be seen.
/// </summary>
internal sealed record StormSettings(double Minutes, int Rate, int Keys, double RecoveredPercent, int? Seed, string? Output)
{
    public static StormSettings Read() => new(
        Number("MINUTES") ?? 3, (int)(Number("RATE") ?? 50), (int)(Number("KEYS") ?? 1000), Number("RECOVERED_PERCENT") ?? 20, (int?)Number("SEED"), Environment.GetEnvironmentVariable("MESSAGING_STORM_OUTPUT"));

    /// <summary>In thirty minutes sixty kills of each kind of process and five restarts of each server.</summary>
    public int Kills => Math.Max(1, (int)(2 * Minutes));

    public int Restarts => Math.Max(1, (int)(Minutes / 6));

    /// <summary>The short storm is one of the same kind: it loses the broker's data and replays everything, too.</summary>
    public static int DataLosses => (int)(Number("DATA_LOSSES") ?? 1);

    public string AtLeast => $"kill-consumer={Kills},kill-publisher={Kills},stop-consumer={Math.Max(1, Kills / 4)},term-consumer={Math.Max(1, Kills / 6)},"
        + $"abort-requests={Math.Max(1, Kills / 4)},broker-restart={Restarts},broker-kill={Restarts},database-restart={Restarts},broker-data={DataLosses},replay=1";

    /// <summary>
    /// In which throughput is measured: the longer the truer, and in CI the tests beside it wait for it. A third of it is the run-up: five processes
    /// that have just started need half a minute on two cores until what they do is compiled (windows of 30 s saw it rise from 300 to 500 answers/s).
    /// </summary>
    public string Window => $"{WindowSeconds}s";

    private int WindowSeconds => Minutes < 10 ? 8 : 90;

    /// <summary>So that the promised faults take most of the storm.</summary>
    public string Every => string.Create(CultureInfo.InvariantCulture, $"{Math.Clamp(((Minutes * 60) - (2 * WindowSeconds)) * 0.6 / ((2.8 * Kills) + (2 * Restarts)), 3, 30):0.#}s");

    /// <summary>Unset or empty is null. A storm that is weaker than the one asked for would pass for it.</summary>
    private static double? Number(string name) => Environment.GetEnvironmentVariable("MESSAGING_STORM_" + name) switch
    {
        null or "" => null,
        var text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        var text => throw new FormatException($"MESSAGING_STORM_{name} is '{text}'; it must be a number."),
    };
}
