using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>
/// The model: what clients asked for and were told, and nothing else. Per key a list of lives, since a key that was forgotten begins
/// a new one. It knows neither transactions nor tables.
/// </summary>
internal sealed class History(TimeSpan memory)
{
    private readonly Lock _lock = new();

    private readonly Dictionary<Guid, Submission> _attempts = [];

    private readonly Dictionary<string, List<Submission>> _lives = [];

    private readonly List<(Submission Asked, SubmissionResult Answer)> _answers = [];

    private readonly List<string> _violations = [];

    /// <summary>Messages of foreign producers that were acknowledged.</summary>
    public List<Parcel> Settled { get; } = [];

    public IEnumerable<Submission> Lives => _lives.Values.SelectMany(l => l);

    public IReadOnlyList<string> Violations => _violations;

    public Submission? Attempt(Guid id) => _attempts.GetValueOrDefault(id);

    public void Attempted(Submission submission)
    {
        lock (_lock)
        {
            _attempts.Add(submission.Id, submission);
        }
    }

    public void Answered(Submission asked, SubmissionResult answer)
    {
        lock (_lock)
        {
            _answers.Add((asked, answer));
        }
    }

    public void Acknowledged(Parcel parcel)
    {
        if (parcel.ForeignWord is not null)
        {
            lock (_lock)
            {
                Settled.Add(parcel);
            }
        }
    }

    /// <summary>A submission that was stored although nobody was told.</summary>
    public void Found(Guid id)
    {
        if (!_attempts.TryGetValue(id, out var attempt))
        {
            _violations.Add($"I3: nobody asked for submission {id}");
        }
        else
        {
            Begin(attempt);
        }
    }

    /// <summary>Judges the answers of a burst, whose order is not known: I5.</summary>
    public void Judge()
    {
        var before = _lives.ToDictionary(l => l.Key, l => l.Value.MaxBy(s => s.AcceptedAt)!);
        foreach (var (asked, answer) in _answers.OrderBy(a => a.Answer.Outcome))
        {
            switch (answer.Outcome)
            {
                case SubmissionOutcome.Accepted or SubmissionOutcome.Replayed when _attempts.TryGetValue(answer.Id, out var first):
                    Require(first.Key == asked.Key && first.Fingerprint == asked.Fingerprint && first.Acceptance.AsSpan().SequenceEqual(answer.Acceptance)
                        && (answer.Outcome == SubmissionOutcome.Accepted) == (first.Id == asked.Id), "an answer of another request");
                    Require(!before.TryGetValue(asked.Key.Key, out var life) || first.AcceptedAt >= life.AcceptedAt, "an answer of a forgotten life");
                    Begin(first);
                    break;
                case SubmissionOutcome.KeyReused:
                    Require(!before.TryGetValue(asked.Key.Key, out var known) || known.Fingerprint != asked.Fingerprint || known.AcceptedAt + memory <= asked.AcceptedAt,
                        "refused, though its key stands for the same payload");
                    break;
                default:
                    Require(false, "no answer that it can have");
                    break;
            }

            void Require(bool holds, string what)
            {
                if (!holds)
                {
                    _violations.Add($"I5: {asked.Key.Key} {asked.Id} was answered {answer.Outcome} {answer.Id}: {what}");
                }
            }
        }

        _answers.Clear();
    }

    private void Begin(Submission life)
    {
        var lives = _lives.TryGetValue(life.Key.Key, out var known) ? known : _lives[life.Key.Key] = [];
        if (lives.Any(l => l.Id == life.Id))
        {
            return;
        }

        if (lives.Find(l => (l.AcceptedAt - life.AcceptedAt).Duration() < memory) is { } other)
        {
            _violations.Add($"I5: key {life.Key.Key} was accepted as {other.Id} at {other.AcceptedAt:O} and as {life.Id} at {life.AcceptedAt:O}");
        }

        lives.Add(life);
    }
}
