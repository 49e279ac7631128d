namespace Messaging.Cli;

/// <summary>What a client knows of one key: what it sent, and the first acceptance it got, to the byte.</summary>
internal sealed class JournalEntry(string key, string operation, string body)
{
    public string Key => key;

    public string Operation => operation;

    public string Body => body;

    /// <summary>Null while no 2xx has come.</summary>
    public string? Acceptance { get; set; }

    /// <summary>Where its status can be asked for; null in a journal that was read from a file.</summary>
    public Uri? Location { get; set; }
}
