using System.Globalization;
using System.Text;

namespace Messaging.Throughput;

/// <summary>What one contender gave in each round.</summary>
internal sealed class Series(string unit)
{
    private readonly List<double> _values = [];

    public string Unit => unit;

    public double Median
    {
        get
        {
            var sorted = _values.Order().ToList();
            return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
        }
    }

    public double Min => _values.Min();

    public double Max => _values.Max();

    public void Add(double value) => _values.Add(value);
}

/// <summary>A ratio of medians that must hold, or is shown beside its bound.</summary>
/// <param name="Of">The contender judged.</param>
/// <param name="To">What it is compared with; null when the value itself is judged.</param>
/// <param name="Bound">The least ratio, or the greatest when <paramref name="AtMost"/>.</param>
/// <param name="AtMost">Less is better.</param>
/// <param name="Enough">A value that will do whatever the ratio is.</param>
/// <param name="IsJudged">False when one of both does work, or meets something, that the other does not, or when the ratio is shown beside those that are asked for.</param>
internal sealed record Demand(string Of, string? To, double Bound, bool AtMost = false, double Enough = double.PositiveInfinity, bool IsJudged = true);

/// <summary>The table of a session, and the verdicts on its ratios.</summary>
internal sealed class Report
{
    private static readonly Demand[] Demands =
    [
        new("set-direct quorum", "raw quorum", 0.5),
        new("set-direct quorum", "nothing quorum", 1.0),
        new("ef-direct quorum", "raw quorum", 0.25),
        new("ef-direct quorum", "naive quorum", 12),
        new("ef-direct quorum", "naive-prefetch quorum", 12, IsJudged: false),
        new("set-direct large inbox", "set-direct quorum", 0.9),
        new("set-direct-forgetting large inbox", "set-direct quorum", 0.9),
        new("set-direct large inbox after a checkpoint", "set-direct quorum", 0.9, IsJudged: false),
        new("set-direct-forgetting large inbox after a checkpoint", "set-direct quorum", 0.9, IsJudged: false),
        new("backlog memory, most", null, 350, AtMost: true),
        new("backlog memory, late", "backlog memory, early", 1.1, AtMost: true),
        new("http ours", "http one transaction each", 5),
        new("http ours", "http empty", 0.25),
        new("http ours", "http one transaction each tuned", 5, IsJudged: false),
        // What is left of a request where nothing is checked: see bench/README.md.
        new("http ours", "http one transaction each by hand", 5, IsJudged: false),
        // Dispatching is judged by itself, below.
        new("http and dispatch until published", "http one transaction, one confirm each by hand", 5, IsJudged: false),
        // These two dispatch nothing.
        new("http and dispatch", "http one transaction each", 5, IsJudged: false),
        new("http and dispatch", "http empty", 0.25, IsJudged: false),
        new("http ours p99", "http one transaction each p99", 2, AtMost: true),
        new("dispatch quorum", "publish quorum", 0.7),
        new("dispatch classic", "publish classic", 0.7),
        new("sqlite demo", "sqlite loop", 0.3, Enough: 3_000),
        new("latency median", null, 30, AtMost: true),
        new("latency p99", null, 120, AtMost: true),
        new("replay set-direct quorum", "set-direct quorum", 1.2),
    ];

    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);

    public void Add(string contender, string unit, double value)
    {
        if (!_series.TryGetValue(contender, out var series))
        {
            _series.Add(contender, series = new Series(unit));
        }

        series.Add(value);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {contender,-34} {value,10:0.#} {unit}"));
    }

    /// <summary>A ratio that is judged was missed.</summary>
    public bool HasFailed { get; private set; }

    public string Write(string heading, bool judge)
    {
        var text = new StringBuilder();
        text.AppendLine(heading);
        text.AppendLine();
        text.AppendLine("| contender | median | min | max | unit |");
        text.AppendLine("|---|---:|---:|---:|---|");
        foreach (var (name, series) in _series)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {series.Median:#,0.#} | {series.Min:#,0.#} | {series.Max:#,0.#} | {series.Unit} |");
        }

        text.AppendLine();
        text.AppendLine("| ratio of medians | is | must be | |");
        text.AppendLine("|---|---:|---:|---|");
        foreach (var demand in Demands.Where(d => _series.ContainsKey(d.Of) && (d.To is null || _series.ContainsKey(d.To))))
        {
            var value = _series[demand.Of].Median / (demand.To is null ? 1 : _series[demand.To].Median);
            var holds = demand.AtMost ? value <= demand.Bound : value >= demand.Bound || _series[demand.Of].Median >= demand.Enough;
            var verdict = judge && demand.IsJudged ? (holds ? "pass" : "FAIL") : "not judged";
            HasFailed |= verdict == "FAIL";
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {demand.Of}{(demand.To is null ? "" : " : " + demand.To)} | {value:0.###} | {(demand.AtMost ? "≤" : "≥")} {demand.Bound}{Or(demand)} | {verdict} |");
        }

        return text.ToString();
    }

    private string Or(Demand demand) =>
        double.IsFinite(demand.Enough) ? string.Create(CultureInfo.InvariantCulture, $", or {demand.Enough:#,0} {_series[demand.Of].Unit}") : "";
}
