using System.Collections.Concurrent;

namespace Messaging.Services;

/// <summary>What the clients of a run asked for and were told: the half of the proof that no server of ours can forge.</summary>
public sealed class Journal
{
    private readonly ConcurrentQueue<Entry> _entries = [];

    /// <summary>In the order of the answers.</summary>
    public IReadOnlyCollection<Entry> Entries => _entries;

    /// <summary>The server took it: 2xx over HTTP.</summary>
    public void Accepted(Request request, string acceptance) => _entries.Enqueue(new Entry(request, Answer.Accepted, acceptance));

    /// <summary>The broker took a foreign producer's message, whose confirm says no more than that; without a client header it is filed as "external".</summary>
    public void Confirmed(Request request, string client = "external") => _entries.Enqueue(new Entry(request with { Client = client }, Answer.Accepted, null));

    /// <summary>The key stands for another payload: 422.</summary>
    public void Refused(Request request) => _entries.Enqueue(new Entry(request, Answer.Refused, null));

    /// <summary>No answer, or one that says "ask again": it may have happened, once.</summary>
    public void Unknown(Request request) => _entries.Enqueue(new Entry(request, Answer.Unknown, null));

    public enum Answer
    {
        Accepted,
        Refused,
        Unknown,
    }

    public sealed record Entry(Request Request, Answer Answer, string? Acceptance);
}
