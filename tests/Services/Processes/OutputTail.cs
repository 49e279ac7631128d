using System.Text;

namespace Messaging.Services;

/// <summary>The last lines a process printed. Bounded: a service that logs for an hour must not fill the test's memory.</summary>
public sealed class OutputTail
{
    public const int MaxLines = 2_000;
    public const int MaxLineCharacters = 4_000;

    private readonly Lock _gate = new();
    private readonly Queue<string> _lines = new();
    private readonly List<Waiter> _waiters = [];
    private int _openReaders;

    /// <summary>True when everything that was printed has been read.</summary>
    public bool HasEnded => Volatile.Read(ref _openReaders) == 0;

    /// <summary>Waits for a line that contains <paramref name="text"/>, among those kept or those to come, and returns it.</summary>
    public async Task<string> WaitForLineAsync(string text, TimeSpan limit)
    {
        var waiter = new Waiter(text);
        lock (_gate)
        {
            if (_lines.FirstOrDefault(waiter.Matches) is { } line)
            {
                return line;
            }

            _waiters.Add(waiter);
        }

        try
        {
            return await waiter.Line.Task.WaitAsync(limit, TimeProvider.System, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {limit.TotalSeconds:0.#} s for a line with \"{text}\". It printed:\n{this}");
        }
    }

    public bool Contains(string text)
    {
        lock (_gate)
        {
            return _lines.Any(line => line.Contains(text, StringComparison.Ordinal));
        }
    }

    public override string ToString()
    {
        lock (_gate)
        {
            return string.Join('\n', _lines);
        }
    }

    /// <summary>Reads until the other end closes.</summary>
    internal async Task ReadFromAsync(TextReader reader)
    {
        Interlocked.Increment(ref _openReaders);
        var buffer = new char[4_096];
        var line = new StringBuilder();
        int count;
        while ((count = await reader.ReadAsync(buffer)) > 0)
        {
            foreach (var character in buffer.AsSpan(0, count))
            {
                if (character == '\n' || line.Length == MaxLineCharacters)
                {
                    Add(line.ToString().TrimEnd('\r'));
                    line.Clear();
                }

                if (character != '\n')
                {
                    line.Append(character);
                }
            }
        }

        if (line.Length > 0)
        {
            Add(line.ToString());
        }

        Interlocked.Decrement(ref _openReaders);
    }

    private void Add(string line)
    {
        lock (_gate)
        {
            _lines.Enqueue(line);
            if (_lines.Count > MaxLines)
            {
                _lines.Dequeue();
            }

            foreach (var waiter in _waiters.Where(waiter => waiter.Matches(line)))
            {
                waiter.Line.TrySetResult(line);
            }

            _waiters.RemoveAll(waiter => waiter.Line.Task.IsCompleted);
        }
    }

    private sealed class Waiter(string text)
    {
        public TaskCompletionSource<string> Line { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Matches(string line) => line.Contains(text, StringComparison.Ordinal);
    }
}
