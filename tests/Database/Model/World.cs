using System.Globalization;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Messaging.Database;

/// <summary>
/// Does the steps with the real engine on a real database, between clients that repeat themselves and a broker that does what it
/// likes. Steps that follow each other run together, in bursts: they share commits and batches, and meet.
/// </summary>
internal sealed class World(DatabaseProvider provider, string connectionString) : IAsyncDisposable
{
    private const int Burst = 128;

    /// <summary>A message that is published again is delivered in the next round, and settled there.</summary>
    private const int MaxDrainRounds = 20;

    private const int HttpKeys = 300, SharedKeys = 50, ForeignKeys = 50;

    private static readonly TimeSpan Horizon = TimeSpan.FromHours(24);

    private static readonly TimeSpan Tolerance = TimeSpan.FromHours(1);

    private static readonly TimeSpan[] Passing = [TimeSpan.FromMinutes(30), TimeSpan.FromHours(6), TimeSpan.FromHours(13), TimeSpan.FromHours(26)];

    /// <summary>On PostgreSQL nothing lies between the insert and the commit of a submission.</summary>
    private readonly string[] _crashPoints =
        ["P1", .. provider == DatabaseProvider.PostgreSql ? [] : new[] { "P2" }, "P3", "P4", "D1", "D3", "D5", "C1", "C2@2", "C3@2", "C4", "C5@2", "C6", "R1", "R2"];

    private readonly ShiftedTime _time = new();

    private readonly WildBroker _broker = new();

    private readonly History _history = new(Horizon + Tolerance);

    private readonly Tables _tables = new(new DatabaseOptions(provider, connectionString));

    private readonly List<Task> _burst = [];

    private Engine? _engine;

    private CrashPath? _crash;

    private long _forgotten, _republished;

    /// <summary>Steps that did something: a broker that holds nothing can neither deliver nor lose.</summary>
    public int Done { get; private set; }

    /// <summary>Processes that ended at a crash point.</summary>
    public int Crashes { get; private set; }

    /// <summary>Keys.</summary>
    public long Forgotten => Interlocked.Read(ref _forgotten);

    /// <summary>Messages that the reconciler put out again.</summary>
    public long Republished => Interlocked.Read(ref _republished);

    /// <summary>Does all of it, delivers what is left, and says which invariants do not hold.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(IReadOnlyList<Step> steps)
    {
        await RestartAsync(diesAt: null);
        foreach (var step in steps)
        {
            if (step.Act is Act.Dispatch or Act.TimePasses or Act.Crash || _burst.Count >= Burst)
            {
                await EndBurstAsync();
            }

            await DoAsync(step);
        }

        var done = Done;
        await DrainAsync();
        Done = done;
        return await new Verdict(_history, _tables, _engine!, Horizon, Horizon + Tolerance).FindViolationsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            await _engine.DisposeAsync();
        }

        await _tables.DisposeAsync();
    }

    private async Task DoAsync(Step step)
    {
        Done++;
        switch (step.Act)
        {
            case Act.Submit:
                var key = step.Key % (HttpKeys + SharedKeys);
                _burst.Add(SubmitAsync($"key-{key:000}", Word(key, step.Pick)));
                break;
            case Act.Send:
                Send(HttpKeys + (step.Key % (SharedKeys + ForeignKeys)), step.Pick);
                break;
            case Act.Deliver:
                Deliver(_broker.Take(step.Pick), times: 1);
                break;
            case Act.DeliverTwice:
                Deliver(_broker.Take(step.Pick), times: 2);
                break;
            case Act.Redeliver:
                Deliver(_broker.Recall(step.Pick), times: 1);
                break;
            case Act.Lose:
                Done -= _broker.Take(step.Pick) is null ? 1 : 0;
                break;
            case Act.Dispatch:
                await DispatchAsync();
                break;
            case Act.TimePasses:
                _time.Advance(Passing[step.Pick % Passing.Length]);
                break;
            case Act.Purge:
                _burst.Add(PurgeAsync());
                break;
            case Act.Reconcile:
                _burst.Add(ReconcileAsync());
                break;
            default:
                await RestartAsync(_crashPoints[step.Pick % _crashPoints.Length]);
                break;
        }
    }

    /// <summary>Most requests of a key carry the same payload; how its handler behaves is a matter of the key.</summary>
    private static string Word(int key, int pick) =>
        $"{(key % 50 == 3 ? ModelMessage.Flaky : key % 200 == 7 ? ModelMessage.Poison : "good")}-{(pick % 8 == 0 ? 1 : 0)}";

    /// <summary>A client that gets no answer asks again.</summary>
    private async Task SubmitAsync(string key, string word)
    {
        for (var attempts = 1; ; attempts++)
        {
            var submission = ModelMessage.ToSubmission(key, word, _time.GetUtcNow());
            _history.Attempted(submission);
            try
            {
                _history.Answered(submission, await _engine!.Submissions.SubmitAsync(submission, CancellationToken.None));
                return;
            }
            catch (DatabaseUnavailableException) when (attempts == 1 && _crash?.HasStruck == true)
            {
                // The process died in between: it may have been stored or not.
            }
        }
    }

    private void Send(int key, int pick)
    {
        var (name, word) = ($"key-{key:000}", Word(key, pick));
        var acceptedAt = _time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        _broker.Add(new Parcel(Guid.CreateVersion7(), name,
            Message.Of(ModelMessage.Queue, name, ModelMessage.Payload(word), headers: (MessageHeaders.AcceptedAt, acceptedAt)), word));
    }

    private void Deliver(Parcel? parcel, int times)
    {
        Done -= parcel is null ? 1 : 0;
        for (var i = 0; parcel is not null && i < times; i++)
        {
            _burst.Add(DeliverAsync(parcel));
        }
    }

    private async Task DeliverAsync(Parcel parcel)
    {
        try
        {
            await _engine!.Inbox(ModelMessage.Operation).ProcessAsync(parcel.Again(), CancellationToken.None);
            _history.Acknowledged(parcel);
        }
        catch (OperationCanceledException)
        {
            // The process ended first: the broker keeps it.
            _broker.Add(parcel);
        }
    }

    private async Task PurgeAsync()
    {
        if (_crash is { } crash)
        {
            CrashPoint.Arm(crash);
        }

        try
        {
            Interlocked.Add(ref _forgotten, await _engine!.Retention.RunOnceAsync(CancellationToken.None));
        }
        catch (OperationCanceledException) when (_crash?.HasStruck == true)
        {
            // The process died: rolled back.
        }
    }

    private async Task<long> ReconcileAsync()
    {
        var republished = await _engine!.Reconciler.RunOnceAsync(_time.GetUtcNow(), CancellationToken.None);
        Interlocked.Add(ref _republished, republished);
        return republished;
    }

    private async Task EndBurstAsync()
    {
        await Task.WhenAll(_burst);
        _burst.Clear();
        _history.Judge();
        if (_crash?.HasStruck == true)
        {
            Crashes++;
            await RestartAsync(diesAt: null);
        }
    }

    /// <summary>Everything the new process starts may strike, once. One that dies while it starts has another behind it.</summary>
    private async Task RestartAsync(string? diesAt)
    {
        if (_engine is not null)
        {
            await _engine.DisposeAsync();
        }

        var engine = (Engine?)null;
        _crash = diesAt is null ? null : new CrashPath(diesAt, () => Die(engine!));
        if (_crash is not null)
        {
            CrashPoint.Arm(_crash);
        }

        _engine = engine = Create();
        try
        {
            await engine.StartAsync();
            _ = (engine.Submissions, engine.Inbox(ModelMessage.Operation));
        }
        catch (OperationCanceledException) when (_crash?.HasStruck == true)
        {
            Crashes++;
            await RestartAsync(diesAt: null);
        }
    }

    /// <summary>
    /// As far as a process can die within another: what it was doing is rolled back, it takes nothing up again, and the broker has back what it
    /// had handed out. (In the crash matrix real ones are killed.)
    /// </summary>
    private static void Die(Engine engine)
    {
        engine.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        throw new OperationCanceledException("The process died here.");
    }

    private Engine Create() => new(provider, connectionString, setup =>
    {
        setup.With("Retention:Hours", Horizon.TotalHours).With("Retention:ToleranceMinutes", Tolerance.TotalMinutes).With("Retention:MaxBatchSize", 7);
        setup.With("Inbox:RetryDelayMilliseconds", 1);
        setup.Script.On(ModelMessage.Flaky, (run, _) => run % 2 == 1 ? throw new InvalidOperationException("flaky") : Task.CompletedTask);
        setup.Script.Throws(ModelMessage.Poison);
        setup.Transport = _broker;
        setup.Services.AddSingleton<TimeProvider>(_time);
        ModelMessage.AddInbox(setup);
    });

    private async Task DispatchAsync()
    {
        if (await _tables.CountAsync("outgoing_messages") > 0)
        {
            await EndLeasesAsync();
            await Eventually.True(async () => _crash?.HasStruck == true || await _tables.CountAsync("outgoing_messages") == 0);
        }
    }

    /// <summary>The dispatcher deletes rows meanwhile, in another order: whoever loses to it runs again, as the engine does.</summary>
    private async Task EndLeasesAsync()
    {
        while (true)
        {
            try
            {
                await _tables.ExecuteAsync(OutgoingTable.EndLeases);
                return;
            }
            catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                // The other one has gone on.
            }
        }
    }

    /// <summary>The faults are over: everything is dispatched, delivered and reconciled until nothing is left to do.</summary>
    private async Task DrainAsync()
    {
        await EndBurstAsync();
        await RestartAsync(diesAt: null);
        for (var rounds = 1; rounds == 1 || await IsSomethingLeftAsync(); rounds++)
        {
            Assert.True(rounds <= MaxDrainRounds, $"I7: after {MaxDrainRounds} rounds without a fault there is still something to publish again");
            await DispatchAsync();
            while (_broker.Take(0) is { } parcel)
            {
                Deliver(parcel, times: 1);
            }

            await EndBurstAsync();
        }
    }

    /// <summary>The engine's own reconciler, which looks once at its start, may be late and have found what was lost before we did.</summary>
    private async Task<bool> IsSomethingLeftAsync() =>
        await ReconcileAsync() > 0 || await _tables.CountAsync("outgoing_messages") > 0 || !_broker.IsEmpty;
}
