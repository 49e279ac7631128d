using System.Globalization;

namespace Messaging.Cli;

/// <summary>Everything that happened, with its time: to <c>chaos.log</c> and to the view.</summary>
internal sealed class StormLog(string path, IStormView view, Func<TimeSpan> clock) : IDisposable
{
    private const int StatusEverySeconds = 5;

    private readonly Lock _gate = new();
    private readonly StreamWriter _file = new(path, append: false) { AutoFlush = true };
    private int _statusAt = -StatusEverySeconds;

    public void Tell(string line)
    {
        Write(line);
        view.Tell(Stamped(line));
    }

    public void Show(StormStatus status)
    {
        if (status.Elapsed.TotalSeconds - _statusAt >= StatusEverySeconds)
        {
            _statusAt = (int)status.Elapsed.TotalSeconds;
            Write(StatusLine.Of(status));
        }

        view.Show(status);
    }

    public void Dispose() => _file.Dispose();

    private void Write(string line)
    {
        lock (_gate)
        {
            _file.WriteLine(Stamped(line));
        }
    }

    private string Stamped(string line) => string.Create(CultureInfo.InvariantCulture, $"{clock().TotalSeconds,7:0.0} s  {line}");
}
