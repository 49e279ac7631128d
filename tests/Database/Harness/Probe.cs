using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>A message whose handler does what the test says.</summary>
/// <param name="Word">Chooses what happens.</param>
public sealed record Probe(string Word)
{
    public const string Operation = "probe";
}

/// <summary>Sent by every probe that takes effect.</summary>
public sealed record Probed(string Word);

/// <summary>Writes a row with no unique index on anything of the message, so that a second effect would be a second row.</summary>
internal sealed class ProbeHandler(ProbeScript script, TimeProvider time) : IHandler<Probe, ConsumerContext>
{
    public async Task<Outcome> HandleAsync(Incoming<Probe> incoming, ConsumerContext database, CancellationToken cancellationToken)
    {
        database.Orders.Add(new OrderRow
        {
            Id = Guid.CreateVersion7(),
            OrderId = Guid.CreateVersion7(),
            Client = incoming.Key.Client,
            IdempotencyKey = incoming.Key.Key,
            Item = incoming.Message.Word,
            Quantity = 1,
            CreatedAt = time.GetUtcNow(),
        });
        await script.RunAsync(incoming.Message.Word, database, cancellationToken);
        return Outcome.Completed("probed", new { incoming.Message.Word }).Publishing(new Probed(incoming.Message.Word));
    }
}

/// <summary>What each word makes the handler do besides writing its row; a word without a meaning does nothing.</summary>
internal sealed class ProbeScript
{
    public const string Plug = "plug";

    private readonly Dictionary<string, Func<int, ConsumerContext, CancellationToken, Task>> _meanings = [];

    private readonly Dictionary<string, int> _runs = [];

    private PlugHold? _plugs;

    /// <summary>The meaning is told how often the word has run, from 1.</summary>
    public ProbeScript On(string word, Func<int, ConsumerContext, Task> meaning) => On(word, (run, database, _) => meaning(run, database));

    public ProbeScript On(string word, Func<int, ConsumerContext, CancellationToken, Task> meaning)
    {
        _meanings[word] = meaning;
        return this;
    }

    public ProbeScript Throws(string word, int times = int.MaxValue) =>
        On(word, (run, _) => run <= times ? throw new InvalidOperationException($"'{word}' failed in run {run}") : Task.CompletedTask);

    public int Runs(string word)
    {
        lock (_runs)
        {
            return _runs.GetValueOrDefault(word);
        }
    }

    public PlugHold HoldPlugs() => _plugs = new PlugHold();

    public async Task RunAsync(string word, ConsumerContext database, CancellationToken cancellationToken)
    {
        int run;
        lock (_runs)
        {
            run = _runs[word] = _runs.GetValueOrDefault(word) + 1;
        }

        if (word == Plug)
        {
            await _plugs!.HoldAsync();
        }

        if (_meanings.TryGetValue(word, out var meaning))
        {
            await meaning(run, database, cancellationToken);
        }
    }
}

/// <summary>Holds handlers until it is released.</summary>
internal sealed class PlugHold
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _arrived;

    public Task HoldAsync()
    {
        Interlocked.Increment(ref _arrived);
        return _released.Task;
    }

    public Task WaitForAsync(int count) => Eventually.True(() => Volatile.Read(ref _arrived) >= count, what: "a worker to be held up");

    public void Release() => _released.TrySetResult();
}
