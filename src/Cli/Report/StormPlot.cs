using System.Globalization;
using System.Net;
using System.Text;

namespace Messaging.Cli;

/// <summary>
/// The storm over time, as SVG: throughput above, what waits below it, and under both a lane for each kind of fault; every fault is also
/// a faint band through the plots. The two windows that are compared are shaded.
/// </summary>
internal static class StormPlot
{
    private const double Width = 1100, Left = 130, Right = 12, ThroughputTop = 30, ThroughputHeight = 170, WaitingTop = 236, WaitingHeight = 90, LanesTop = 352, LaneHeight = 18;
    private const int MaxPoints = 500;
    private const double NarrowestFault = 2.5;
    private const double ShortestSeconds = 0.5;

    public static string Draw(ChaosReport report)
    {
        var lanes = report.FaultCounts.Where(f => f.Injected + f.Failed > 0).Select(f => f.Name).ToList();
        var height = LanesTop + (lanes.Count * LaneHeight) + 30;
        var time = new Axis(0, Math.Max(1, report.DurationSeconds), Left, Width - Right);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<div class=\"plot\"><svg viewBox=\"0 0 {Width:0} {height:0}\" role=\"img\" aria-label=\"Throughput, waiting messages and faults over time\">");
        DrawWindows(svg, report, time);
        DrawFaults(svg, report, time, lanes);
        DrawCurves(svg, report, time);
        DrawTimes(svg, time, height - 22);
        return svg.Append("</svg></div>").ToString();
    }

    private static void DrawWindows(StringBuilder svg, ChaosReport report, Axis time)
    {
        // An interruption leaves windows of no length: there is nothing to be named.
        foreach (var phase in report.Phases.Where(p => p.Name is "before" or "after" && p.Until - p.From > ShortestSeconds))
        {
            Rectangle(svg, "phase", time.At(phase.From), ThroughputTop, time.At(phase.Until) - time.At(phase.From), WaitingTop + WaitingHeight - ThroughputTop, phase.Name);
            // Each towards the storm: the last window ends where the plot does.
            var (at, anchor) = phase.Name == "before" ? (time.At(phase.From) + 4, "start") : (time.At(phase.Until) - 4, "end");
            Label(svg, "", at, ThroughputTop + 14, anchor, phase.Name);
        }
    }

    private static void DrawFaults(StringBuilder svg, ChaosReport report, Axis time, List<string> lanes)
    {
        foreach (var lane in lanes)
        {
            Label(svg, "name", Left - 8, LanesTop + (lanes.IndexOf(lane) * LaneHeight) + 12.5, "end", lane);
        }

        foreach (var fault in report.Faults)
        {
            var (x, width) = (time.At(fault.From), Math.Max(NarrowestFault, time.At(fault.Until) - time.At(fault.From)));
            var title = string.Create(CultureInfo.InvariantCulture, $"{fault.Name} {fault.Target}: {fault.From:0.0} s to {fault.Until:0.0} s {fault.Error}").TrimEnd();
            Rectangle(svg, "band", x, ThroughputTop, width, WaitingTop + WaitingHeight - ThroughputTop, title);
            Rectangle(svg, fault.Error is null ? "fault" : "failed", x, LanesTop + (lanes.IndexOf(fault.Name) * LaneHeight) + 3, width, LaneHeight - 6, title);
        }
    }

    private static void DrawCurves(StringBuilder svg, ChaosReport report, Axis time)
    {
        var answers = Rates(report.Samples, s => s.Answered);
        var effects = Rates(report.Samples, s => s.Effects);
        var waiting = Thin([.. report.Samples.Where(s => s.Waiting is not null).Select(s => (s.At, (double)s.Waiting!))], highest: true);
        var rate = Axis.UpTo(answers.Concat(effects), ThroughputTop + ThroughputHeight, ThroughputTop);
        var backlog = Axis.UpTo(waiting, WaitingTop + WaitingHeight, WaitingTop);
        DrawGrid(svg, rate);
        DrawGrid(svg, backlog);
        Line(svg, "answers", answers, time, rate);
        Line(svg, "effects", effects, time, rate);
        if (waiting.Count > 1)
        {
            var points = Points(waiting, time, backlog);
            svg.Append(CultureInfo.InvariantCulture, $"<polygon class=\"waiting\" points=\"{time.At(waiting[0].At):0.0},{backlog.Start:0.0} {points} {time.At(waiting[^1].At):0.0},{backlog.Start:0.0}\"/>");
        }

        Legend(svg, Left, 16, ("answers", "requests accepted a second, replays included"), ("effects", "effects a second"));
        Legend(svg, Left, WaitingTop - 12, ("waiting", "accepted, waiting for their effect"));
    }

    private static void DrawGrid(StringBuilder svg, Axis axis)
    {
        foreach (var value in axis.Ticks(3))
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left:0}\" x2=\"{Width - Right:0}\" y1=\"{axis.At(value):0.0}\" y2=\"{axis.At(value):0.0}\"/>");
            Label(svg, "", Left - 8, axis.At(value) + 4, "end", value.ToString("#,0.#", CultureInfo.InvariantCulture));
        }
    }

    private static void DrawTimes(StringBuilder svg, Axis time, double y)
    {
        foreach (var seconds in time.Ticks(10))
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{time.At(seconds):0.0}\" x2=\"{time.At(seconds):0.0}\" y1=\"{y - 4:0}\" y2=\"{y:0}\"/>");
            Label(svg, "", time.At(seconds), y + 14, "middle", string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 60}:{(int)seconds % 60:00}"));
        }
    }

    /// <summary>Differences of a count, a second; over a gap, its mean.</summary>
    private static List<(double At, double Value)> Rates(IReadOnlyList<Sample> samples, Func<Sample, long?> count)
    {
        var counted = samples.Where(s => count(s) is not null).ToList();
        // After a stall two looks may follow each other at once: a rate between these would be a spike out of nothing.
        var pairs = counted.Zip(counted.Skip(1)).Where(pair => pair.Second.At - pair.First.At > ShortestSeconds);
        return Thin([.. pairs.Select(p => (p.Second.At, Math.Max(0, (count(p.Second)!.Value - count(p.First)!.Value) / (p.Second.At - p.First.At))))], highest: false);
    }

    private static List<(double At, double Value)> Thin(List<(double At, double Value)> points, bool highest)
    {
        var bucket = Math.Max(1, (int)Math.Ceiling(points.Count / (double)MaxPoints));
        return [.. points.Chunk(bucket).Select(chunk => (chunk[^1].At, highest ? chunk.Max(p => p.Value) : chunk.Average(p => p.Value)))];
    }

    private static string Points(List<(double At, double Value)> points, Axis x, Axis y) =>
        string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{x.At(p.At):0.0},{y.At(p.Value):0.0}")));

    private static void Line(StringBuilder svg, string style, List<(double At, double Value)> points, Axis x, Axis y) =>
        svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"line {style}\" points=\"{Points(points, x, y)}\"/>");

    private static void Legend(StringBuilder svg, double x, double y, params (string Style, string Name)[] entries)
    {
        foreach (var (style, name) in entries)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"key {style}\" x1=\"{x:0}\" x2=\"{x + 22:0}\" y1=\"{y - 4:0}\" y2=\"{y - 4:0}\"/>");
            Label(svg, "name", x + 28, y, "start", name);
            x += 330;
        }
    }

    private static void Rectangle(StringBuilder svg, string style, double x, double y, double width, double height, string title) =>
        svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{style}\" x=\"{x:0.0}\" y=\"{y:0.0}\" width=\"{width:0.0}\" height=\"{height:0.0}\"><title>{WebUtility.HtmlEncode(title)}</title></rect>");

    private static void Label(StringBuilder svg, string style, double x, double y, string anchor, string text) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"{style}\" x=\"{x:0.0}\" y=\"{y:0.0}\" text-anchor=\"{anchor}\">{WebUtility.HtmlEncode(text)}</text>");
}
