using System.Globalization;
using Spectre.Console;

namespace Messaging.Cli;

/// <summary>What <c>messaging load</c> prints.</summary>
internal static class LoadView
{
    private static readonly double[] Percentiles = [50, 90, 99, 99.9, 100];

    public static void Progress(LoadRun run, Journal journal, TimeSpan duration)
    {
        var line = string.Create(CultureInfo.InvariantCulture,
            $"{run.Elapsed.TotalSeconds,5:0} of {duration.TotalSeconds:0} s  {run.Figures.Submitted} submitted  {journal.Accepted} keys accepted  {run.Figures.Replayed} replays  {run.Figures.Retries} retries  p99 {Milliseconds(run.Figures.Percentile(99))}");
        if (Console.IsOutputRedirected)
        {
            if ((int)run.Elapsed.TotalSeconds % 5 == 0)
            {
                Console.WriteLine(line);
            }
        }
        else
        {
            Console.Write($"\r{line}   ");
        }
    }

    public static void Result(LoadRun run, Journal journal)
    {
        var (figures, seconds) = (run.Figures, run.Elapsed.TotalSeconds);
        Console.WriteLine();
        var latency = new Table().Border(TableBorder.Rounded).AddColumn("latency, from when due to accepted").AddColumn(new TableColumn("").RightAligned());
        foreach (var percent in Percentiles)
        {
            latency.AddRow(percent == 100 ? "longest" : string.Create(CultureInfo.InvariantCulture, $"p{percent}"), Milliseconds(figures.Percentile(percent)));
        }

        var answers = new Table().Border(TableBorder.Rounded).AddColumn("answer").AddColumn(new TableColumn("times").RightAligned());
        foreach (var (what, count) in figures.Answers.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            answers.AddRow(what, count.ToString(CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(new Columns(latency, answers) { Expand = false });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{figures.Submitted} submitted in {seconds:0.0} s ({figures.Submitted / seconds:0}/s), {journal.Accepted} keys accepted, {figures.Retries} retries"));
        if (figures.LastLoss is { } loss)
        {
            Console.WriteLine($"The last request without an answer: {loss}");
        }

        Console.WriteLine($"{journal.ReplaysCompared} replays compared, {journal.Differing.Count} answers that should not have come{Offending(journal)}");
        if (journal.Accepted == 0)
        {
            Console.WriteLine("INCOMPLETE: " + Verdict.NothingAccepted(figures.Obstacle));
        }
    }

    private static string Offending(Journal journal) => journal.Differing.Count == 0 ? "" : ": " + string.Join(", ", journal.Differing.Take(20));

    private static string Milliseconds(TimeSpan? time) => time is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known.TotalMilliseconds:0.0} ms") : "-";
}
