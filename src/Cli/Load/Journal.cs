using System.Collections.Concurrent;
using System.Text.Json;

namespace Messaging.Cli;

/// <summary>
/// What was attempted, what was answered 2xx, and what should not have been answered: the client's side of the comparison, in memory and,
/// if wanted, as JSON lines in a file. An attempt is written before the request is sent.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int KeyReused = 422;

    private readonly ConcurrentDictionary<string, JournalEntry> _entries = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _differing = new();
    private readonly Lock _gate = new();
    private readonly StreamWriter? _file;
    private int _accepted;
    private int _replays;

    /// <param name="path">Null keeps it in memory.</param>
    /// <exception cref="IOException">The file cannot be written to, or holds something: it is the evidence of an earlier run.</exception>
    public Journal(string? path)
    {
        if (path is not null)
        {
            RefuseEvidence(path);
            _file = new StreamWriter(path, append: false) { AutoFlush = true };
        }
    }

    public ICollection<JournalEntry> Entries => _entries.Values;

    public int Attempted => _entries.Count;

    /// <summary>Keys that were answered 2xx.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Further acceptances of these keys, each compared with the first.</summary>
    public int ReplaysCompared => Volatile.Read(ref _replays);

    /// <summary>Keys whose acceptances were not the same bytes; that were refused after they had been accepted; whose other payload was not answered 422.</summary>
    public IReadOnlyCollection<string> Differing => _differing;

    public JournalEntry? Find(string key) => _entries.GetValueOrDefault(key);

    public void Attempt(string key, string operation, string body)
    {
        if (_entries.TryAdd(key, new JournalEntry(key, operation, body)))
        {
            Write(new JournalLine(key, operation, body));
        }
    }

    public void Accept(string key, int status, string acceptance, Uri? location = null)
    {
        var entry = _entries[key];
        lock (entry)
        {
            if (entry.Acceptance is null)
            {
                (entry.Acceptance, entry.Location) = (acceptance, location);
                Interlocked.Increment(ref _accepted);
            }
            else
            {
                Interlocked.Increment(ref _replays);
                if (entry.Acceptance != acceptance)
                {
                    _differing.Enqueue(key);
                }
            }
        }

        Write(new JournalLine(key, Status: status, Acceptance: acceptance));
    }

    /// <summary>A final answer other than 2xx. Until a key was accepted it may be refused; afterwards only its acceptance is an answer.</summary>
    public void Refuse(string key, int status)
    {
        if (_entries[key].Acceptance is not null)
        {
            Offend(key, $"accepted before, its replay was answered {status}");
        }
    }

    /// <summary>Another payload under a key that is known to be accepted.</summary>
    public void Conflict(string key, int status)
    {
        if (status != KeyReused)
        {
            Offend(key, $"another payload was answered {status}");
        }
    }

    /// <exception cref="IOException">There is something in the file.</exception>
    public static void RefuseEvidence(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
        {
            throw new IOException($"{path} is there already, from an earlier run. Name another place, or delete it.");
        }
    }

    /// <exception cref="JsonException">A line is none that <see cref="Journal"/> writes.</exception>
    public static Journal Read(string path)
    {
        var journal = new Journal(null);
        var number = 0;
        foreach (var text in File.ReadLines(path))
        {
            number++;
            try
            {
                journal.Take(JsonSerializer.Deserialize(text, JournalJson.Default.JournalLine) ?? throw new JsonException("The line is null."));
            }
            catch (Exception exception) when (exception is JsonException or KeyNotFoundException)
            {
                throw new JsonException($"{path}, line {number}, is no line of a journal: {exception.Message} Give the file that --journal wrote.", exception);
            }
        }

        return journal;
    }

    public void Dispose() => _file?.Dispose();

    private void Take(JournalLine line)
    {
        if (line is { Operation: { } operation, Body: { } body })
        {
            Attempt(line.Key, operation, body);
        }
        else if (line.Offence is { } offence)
        {
            Offend(line.Key, offence);
        }
        else
        {
            Accept(line.Key, line.Status ?? 0, line.Acceptance ?? throw new JsonException("acceptance is missing."));
        }
    }

    private void Offend(string key, string offence)
    {
        _differing.Enqueue($"{key} ({offence})");
        Write(new JournalLine(key, Offence: offence));
    }

    private void Write(JournalLine line)
    {
        if (_file is not null)
        {
            var text = JsonSerializer.Serialize(line, JournalJson.Default.JournalLine);
            lock (_gate)
            {
                _file.WriteLine(text);
            }
        }
    }
}
