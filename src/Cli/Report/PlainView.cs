namespace Messaging.Cli;

/// <summary>Lines: every event, and how it stands every five seconds.</summary>
internal sealed class PlainView : IStormView
{
    private const int EverySeconds = 5;

    private int _shown = -EverySeconds;

    public void Tell(string line) => Console.WriteLine(line);

    public void Show(StormStatus status)
    {
        if (status.Elapsed.TotalSeconds - _shown >= EverySeconds)
        {
            _shown = (int)status.Elapsed.TotalSeconds;
            Console.WriteLine(StatusLine.Of(status));
        }
    }

    public Task<T> RunAsync<T>(Func<Task<T>> work) => work();
}
