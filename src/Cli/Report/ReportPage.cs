using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Messaging.Cli;

/// <summary><c>chaos-report.html</c>: one file, with its style and its plot inside, and nothing from elsewhere.</summary>
internal static partial class ReportPage
{
    public static string Render(ChaosReport report) => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
        <title>Messaging chaos: {Text(report.Verdict.Summary)}</title>
        <style>{ReportStyle.Css}</style>
        </head>
        <body>
        <main>
        {Headline(report)}
        {Tiles(report)}
        <section><h2>What happened</h2>
        {StormPlot.Draw(report)}
        {(report.Recovery is { } recovery ? $"<p>{Text(recovery.ToString())}</p>" : "")}
        </section>
        <section><h2>Invariants</h2>{Invariants(report)}</section>
        <div class="columns">
        <section><h2>Faults</h2>{Faults(report)}</section>
        <section><h2>Answers</h2>{Answers(report)}</section>
        <section><h2>Settings</h2>{Settings(report)}</section>
        </div>
        <footer>The same seed and the same options give the same plan: <code>--seed {report.Seed}</code>. Everything on this page, and more, is in <code>chaos-report.json</code>; every event, with its time, in <code>chaos.log</code>.</footer>
        </main>
        </body>
        </html>
        """;

    private static string Headline(ChaosReport report)
    {
        var (mark, word) = report.Verdict.Judgement switch
        {
            Judgement.Good => ("good", "Exactly once"),
            Judgement.Violated => ("bad", "Violated"),
            _ => ("unsure", "Incomplete"),
        };
        var reasons = report.Verdict.Reasons.Count == 0 ? "" : $"<ul class=\"reasons\">{string.Concat(report.Verdict.Reasons.Select(r => $"<li>{Text(r)}</li>"))}</ul>";
        return string.Create(CultureInfo.InvariantCulture, $"""
            <header class="{mark}"><p class="mark">{word}</p><h1>{Text(Grouped(report.Verdict.Summary))}</h1>
            <p>{Text(report.Target)} · {report.StartedAt:yyyy-MM-dd HH:mm} UTC · {Quantity.Text(TimeSpan.FromSeconds(report.DurationSeconds))} · seed {report.Seed}</p>{reasons}</header>
            """);
    }

    private static string Tiles(ChaosReport report)
    {
        var faults = report.FaultCounts.Sum(f => f.Injected);
        var recovery = report.Recovery is { } r ? string.Create(CultureInfo.InvariantCulture, $"{r.Ratio * 100:0.0} %") : "–";
        (string Value, string Name)[] tiles =
        [
            (Number(report.Submitted), "requests"), (Number(report.Keys), "keys accepted"), (Number(report.Replays), "replays, compared byte by byte"),
            (Number(report.Audit?.Effects), "effects"), (Number(faults), "faults"), (recovery, "unpaced throughput after ÷ before"),
        ];
        return $"<div class=\"tiles\">{string.Concat(tiles.Select(t => $"<div><b>{t.Value}</b><span>{Text(t.Name)}</span></div>"))}</div>";
    }

    private static string Invariants(ChaosReport report)
    {
        var rows = new StringBuilder();
        foreach (var invariant in report.Invariants)
        {
            var (mark, word) = invariant.State switch
            {
                CheckState.Holds => ("good", "✓ holds"),
                CheckState.Violated => ("bad", "✗ violated"),
                _ => ("unsure", "not checked"),
            };
            var keys = invariant.Offending.Count == 0 ? "" : $"<br/><span class=\"keys\">{string.Join("<br/>", invariant.Shown().Select(Text))}</span>";
            rows.Append(CultureInfo.InvariantCulture, $"<tr><th>{invariant.Id}</th><td class=\"name\">{Text(invariant.Name)}</td><td><span class=\"state {mark}\">{word}</span></td><td>{Text(Grouped(invariant.Figures))}{keys}</td></tr>");
        }

        return $"<table class=\"wide\"><tbody>{rows}</tbody></table>";
    }

    private static string Faults(ChaosReport report)
    {
        var rows = string.Concat(report.FaultCounts.Select(f => $"<tr><td>{Text(f.Name)}</td><td class=\"n\">{Number(f.Injected)}</td><td class=\"n soft\">{Remarks(f)}</td></tr>"));
        return $"<table><tbody>{rows}<tr><td>unexplained exits</td><td class=\"n\">{Number(report.UnexpectedExits.Count)}</td><td></td></tr></tbody></table>";
    }

    /// <summary>A line may break between two of them, not within one.</summary>
    private static string Remarks(FaultCount count) =>
        string.Join(", ", [.. (string[])(count.AtLeast > 0 ? [$"at&#160;least&#160;{Number(count.AtLeast)}"] : []), .. (string[])(count.Failed > 0 ? [$"{Number(count.Failed)}&#160;failed"] : [])]);

    private static string Answers(ChaosReport report)
    {
        var latency = report.Latency;
        (string Name, double? Value)[] percentiles = [("p50", latency.P50), ("p90", latency.P90), ("p99", latency.P99), ("p99.9", latency.P999), ("longest", latency.Longest)];
        var rows = string.Concat(report.Answers.Select(a => $"<tr><td>{Text(a.Answer)}</td><td class=\"n\">{Number(a.Times)}</td></tr>"));
        var times = string.Concat(percentiles.Select(p => $"<tr><td>{p.Name} until accepted</td><td class=\"n\">{Milliseconds(p.Value)}</td></tr>"));
        return $"<table><tbody>{rows}<tr><td>sent again by the client</td><td class=\"n\">{Number(report.Retries)}</td></tr>{times}</tbody></table>";
    }

    private static string Settings(ChaosReport report) =>
        $"<table><tbody>{string.Concat(report.Settings.Select(s => $"<tr><td>{Text(s.Name)}</td><td>{Text(s.Value)}</td></tr>"))}</tbody></table>";

    private static string Milliseconds(double? value) => value switch
    {
        null => "–",
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{value:0.#} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value / 1000:0.#} s"),
    };

    private static string Number(long? value) => value?.ToString("#,0", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>What the console says, whose numbers programs read, with its numbers as they are in the tiles.</summary>
    private static string Grouped(string text) => Thousands().Replace(text, digits => Number(long.Parse(digits.Value, CultureInfo.InvariantCulture)));

    /// <summary>No part of a key, and not what follows a decimal point.</summary>
    [GeneratedRegex(@"(?<![\w.-])[0-9]{4,18}(?![\w-])")]
    private static partial Regex Thousands();

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
