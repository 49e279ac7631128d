using System.Xml;
using System.Xml.Linq;
using Messaging.Cli;

namespace Messaging.Unit;

public sealed class ReportPageTests
{
    private static readonly XNamespace None = "";

    [Fact]
    public void The_page_is_well_formed()
    {
        var page = Parse(Report(Judgement.Good));

        Assert.Equal("html", page.Root!.Name.LocalName);
        Assert.Single(page.Descendants(None + "svg"));
    }

    [Fact]
    public void It_needs_nothing_from_elsewhere_and_runs_no_script()
    {
        var page = Parse(Report(Judgement.Good));
        string[] loading = ["script", "link", "img", "iframe", "object", "embed", "image", "use"];

        Assert.DoesNotContain(page.Descendants(), e => loading.Contains(e.Name.LocalName));
        Assert.DoesNotContain(page.Descendants().Attributes(), a => a.Name.LocalName is "src" or "href" or "style" || a.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
        Assert.DoesNotContain("url(", page.Descendants(None + "style").Single().Value, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", page.Descendants(None + "style").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_is_drawn_in_its_lane_and_as_a_band()
    {
        var rectangles = Parse(Report(Judgement.Good)).Descendants(None + "rect").Select(r => r.Attribute("class")!.Value).ToList();

        Assert.Equal(3, rectangles.Count(c => c == "band"));
        Assert.Equal(2, rectangles.Count(c => c == "fault"));
        Assert.Equal(1, rectangles.Count(c => c == "failed"));
        Assert.Equal(2, rectangles.Count(c => c == "phase"));
    }

    [Theory]
    [InlineData(Judgement.Good, "Exactly once")]
    [InlineData(Judgement.Violated, "Violated")]
    [InlineData(Judgement.Incomplete, "Incomplete")]
    public void The_judgement_is_the_first_thing_that_it_says(object judgement, string word) =>
        Assert.Equal(word, Parse(Report((Judgement)judgement)).Descendants(None + "header").Single().Elements().First().Value);

    [Fact]
    public void Whatever_a_name_contains_is_text()
    {
        var page = Parse(Report(Judgement.Violated) with { Target = "<script>alert('&')</script>" });

        Assert.Contains(page.Descendants(None + "p"), p => p.Value.Contains("<script>alert('&')</script>", StringComparison.Ordinal));
    }

    [Fact]
    public void A_window_that_an_interruption_left_without_length_is_not_named()
    {
        var page = Parse(Report(Judgement.Incomplete) with { Phases = [new Phase("before", 5, 15), new Phase("after", 20, 20)] });

        Assert.Equal(["before"], page.Descendants(None + "rect").Where(r => r.Attribute("class")!.Value == "phase").Select(r => r.Value));
        Assert.DoesNotContain(page.Descendants(None + "text"), t => t.Value == "after");
    }

    [Fact]
    public void Every_kind_of_fault_is_listed_with_what_was_promised_and_what_failed()
    {
        var page = Parse(Report(Judgement.Good) with { FaultCounts = [new("kill-consumer", 5, 2, 1, 1), new("replay", 1, 0, 0, 8), new("term-consumer", 1, 0, 0, 0)] });
        var rows = page.Descendants(None + "section").Single(s => s.Element(None + "h2")?.Value == "Faults").Descendants(None + "tr").Select(r => string.Join('|', r.Elements().Select(e => e.Value)));

        // A line breaks between two remarks only.
        Assert.Equal(["kill-consumer|1|at\u00a0least\u00a02, 1\u00a0failed", "replay|0|8\u00a0failed", "term-consumer|0|"], rows.SkipLast(1));
    }

    [Fact]
    public void The_headline_writes_its_numbers_as_the_tiles_do()
    {
        var report = Report(Judgement.Good);
        var page = Parse(report with { Keys = 1847, Verdict = report.Verdict with { Summary = "1847 keys, 1847 effects, 0 lost, 0 doubled" } });

        Assert.Equal("1,847 keys, 1,847 effects, 0 lost, 0 doubled", page.Descendants(None + "h1").Single().Value);
        Assert.Contains(page.Descendants(None + "b"), tile => tile.Value == "1,847");
    }

    [Fact]
    public void A_run_that_saw_nothing_has_a_page_too()
    {
        var page = Parse(Report(Judgement.Incomplete) with { Samples = [], Faults = [], FaultCounts = [], Phases = [], Audit = null, Recovery = null });

        Assert.Single(page.Descendants(None + "svg"));
    }

    /// <summary>As XML, where a single unclosed element is an error.</summary>
    private static XDocument Parse(ChaosReport report)
    {
        using var reader = XmlReader.Create(new StringReader(ReportPage.Render(report)), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static ChaosReport Report(Judgement judgement)
    {
        var invariant = judgement == Judgement.Violated ? InvariantResult.Of("I2", "no double", "1 key", "anonymous/7-1") : InvariantResult.Of("I1", "no loss", "0 lost");
        return new ChaosReport
        {
            StartedAt = DateTimeOffset.UnixEpoch,
            DurationSeconds = 60,
            Target = "two publishers",
            Seed = 7,
            Verdict = new Verdict(judgement, "40 keys, 40 effects, 0 lost, 0 doubled", judgement == Judgement.Good ? [] : ["a reason"]),
            Invariants = [invariant],
            Recovery = new Recovery(new Throughput(50, 35), new Throughput(49, 35), Recovery.Standard),
            Audit = null,
            Submitted = 60,
            Answered = 58,
            Keys = 40,
            Replays = 18,
            Retries = 5,
            Latency = new LatencyFigures(1, 2, 3, 4, 5),
            Answers = [new AnswerCount("202", 58), new AnswerCount("connection lost", 5)],
            FaultCounts = [new FaultCount("kill-consumer", 5, 2, 2, 0), new FaultCount("broker-restart", 1, 1, 0, 1)],
            Faults = [new("kill-consumer", "consumer-1", 20, 22), new("kill-consumer", "consumer-2", 25, 27), new("broker-restart", "", 30, 40, "it would not stop")],
            UnexpectedExits = [],
            Phases = [new Phase("before", 5, 15), new Phase("storm", 15, 45), new Phase("after", 48, 58)],
            Settings = [new SettingLine("rate", "50/s")],
            Samples = [.. Enumerable.Range(0, 60).Select(i => new Sample(i, i * 50, i * 50, i * 35, i * 15, i is > 30 and < 35 ? null : i * 34, i, 0, 0))],
        };
    }
}
