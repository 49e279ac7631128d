using System.Globalization;
using Spectre.Console;

namespace Messaging.Cli;

/// <summary>The terminal, drawn anew once a second.</summary>
internal sealed class LiveView : IStormView
{
    private const int BarWidth = 60;
    private const int MaxLines = 8;
    private const string Blocks = " ▁▂▃▄▅▆▇█";

    private readonly Lock _gate = new();
    private readonly Queue<string> _lines = new();
    private LiveDisplayContext? _display;
    private StormStatus? _last;

    public void Tell(string line)
    {
        lock (_gate)
        {
            _lines.Enqueue(line);
            if (_lines.Count > MaxLines)
            {
                _lines.Dequeue();
            }

            // At once: who interrupts should see that it was heard, also while no sample comes.
            _display?.UpdateTarget(_last is null ? new Text(line) : Draw(_last));
        }
    }

    public void Show(StormStatus status)
    {
        lock (_gate)
        {
            _last = status;
            _display?.UpdateTarget(Draw(status));
        }
    }

    public Task<T> RunAsync<T>(Func<Task<T>> work) => AnsiConsole.Live(new Text("starting …")).StartAsync(display =>
    {
        _display = display;
        return work();
    });

    private Panel Draw(StormStatus status)
    {
        var last = status.Samples.Count > 0 ? status.Samples[^1] : new Sample(0, 0, 0, 0, 0, null, null, null, null);
        var filled = (int)(status.Progress * BarWidth);
        var numbers = new Grid();
        for (var i = 0; i < 4; i++)
        {
            numbers.AddColumn(new GridColumn().PadRight(4));
        }

        numbers.AddRow(Number("submitted", last.Submitted), Number("keys accepted", last.Keys), Number("effects", last.Effects, "green"), Number("replays", last.Replays));
        numbers.AddRow(Number("waiting", last.Waiting, "yellow"), Number("outgoing rows", last.Outgoing), Number("parked", last.Parked, last.Parked > 0 ? "red" : "default"),
            new Markup(string.Create(CultureInfo.InvariantCulture, $"[grey]throughput[/]\n[bold]{StatusLine.Rate(status.Samples):0}/s[/]")));
        return new Panel(new Rows(
            new Markup(string.Create(CultureInfo.InvariantCulture, $"[bold]{Markup.Escape(status.Phase)}[/]  {Quantity.Text(status.Elapsed)}  [green]{new string('█', filled)}[/][grey]{new string('░', BarWidth - filled)}[/] {status.Progress * 100:0} %")),
            new Text(""),
            numbers,
            new Markup($"[grey]{StatusLine.Age(status).Trim()}[/]"),
            new Markup($"[grey]answers/s[/] {Spark(status.Samples)}"),
            new Markup(string.Create(CultureInfo.InvariantCulture, $"[grey]faults[/] {status.FaultsDone} of {status.FaultsPlanned}  [red]{Markup.Escape(string.Join(", ", status.Faults))}[/]")),
            new Text(""),
            new Markup("[grey]" + Markup.Escape(string.Join('\n', _lines)) + "[/]")))
        { Header = new PanelHeader(" messaging chaos · Ctrl-C heals, drains and judges "), Border = BoxBorder.Rounded, Expand = true };
    }

    private static Markup Number(string name, long? value, string color = "default") => new Markup($"[grey]{name}[/]\n[bold {color}]{StatusLine.Text(value)}[/]");

    /// <summary>The last minute, each second as high as its throughput.</summary>
    private static string Spark(IReadOnlyList<Sample> samples)
    {
        var rates = samples.Skip(1).Zip(samples, (now, then) => (now.Answered - then.Answered) / Math.Max(0.001, now.At - then.At)).TakeLast(BarWidth).ToList();
        var highest = Math.Max(1, rates.Count > 0 ? rates.Max() : 1);
        return string.Concat(rates.Select(rate => Blocks[(int)Math.Round(rate / highest * (Blocks.Length - 1))]));
    }
}
