using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Runs one cell: work until the fault strikes at its point, recovery, rest, verdict.</summary>
internal sealed class CrashScenario(CrashCell cell, CrashLane lane)
{
    private const int KilledBySignal = 128 + 9;
    private const int MaxRounds = 25;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly List<Request> _requests = [];

    private bool IsFedByBroker => lane.IsFedByBroker(cell) && (cell.Fault == Fault.Kill || cell.Point == "C8");

    /// <summary>The invariants that were broken; none, if all is well.</summary>
    public async Task<IReadOnlyList<Violation>> RunAsync()
    {
        var before = lane.Cuts;
        await (cell.Point[0] == 'R' ? new RetentionScenario(cell, lane).RunAsync() : cell.Fault == Fault.Kill ? KillAsync() : StrikeAsync());
        await DrainAsync();
        MustHaveCut(lane.Cuts - before);
        return await lane.JudgeAsync();
    }

    /// <summary>A cut that met nothing is no fault, and the cell would be green for it.</summary>
    private void MustHaveCut(int cuts)
    {
        if (cell.CutsTheCommitOf is { } work)
        {
            Assert.True(cuts == 1, $"{cuts} commits of '{work}' were cut instead of one");
        }
        else if (cell.Fault is Fault.DatabaseCut or Fault.BrokerCut)
        {
            Assert.True(cuts > 0, "there was no connection to cut");
        }
    }

    private async Task KillAsync()
    {
        await using (var gap = await OpenGapAsync())
        {
            var options = lane.ProcessFor(cell);
            await using var process = ServiceProcess.Start(options);
            if (!IsFedByBroker)
            {
                await process.WaitUntilReadyAsync();
            }

            // Without patience: this process is going to die. But a round of which it took nothing is none.
            var caller = new Caller(process.Http, lane.Journal);
            await RepeatUntilAsync(
                () => process.HasExited,
                requests => Eventually.True(
                    async () => (await Task.WhenAll(requests.Select(r => caller.TryAsync(r)))).Contains(true) || process.HasExited, Limit, $"{cell}: one of the requests to be taken"),
                async () => await IsThroughAsync(options) && await IsAliveAsync(process));
            Assert.Equal(KilledBySignal, await process.WaitForExitAsync(Limit));
        }

        await using var service = await HostedService.StartAsync(url => lane.Build(url, cell));
        await SettleAsync(new Caller(service.Http, lane.Journal));
    }

    private async Task StrikeAsync()
    {
        using var hangUp = new CancellationTokenSource();
        var service = new HostedService(url => lane.Build(url, cell));
        var path = new Transactional.CrashPath(cell.Path, () => Strike(cell, lane, service, hangUp));
        await using (service)
        {
            await service.StartAsync(path);
            await service.WaitUntilReadyAsync();
            var life = service.Services;
            var caller = new Caller(service.Http, lane.Journal);
            await using (var gap = await OpenGapAsync())
            {
                await RepeatUntilAsync(() => path.HasStruck, requests => Task.WhenAll(requests.Select(r => caller.TryAsync(r, hangUp.Token))), lane.IsSettledAsync);
            }

            if (cell.Fault == Fault.Cancellation)
            {
                await Eventually.True(() => service.Services != life, Limit, "the service to stop as it was told to, and to be started again");
            }

            await SettleAsync(caller);
            MustHaveLived(cell, service, life);
        }
    }

    /// <summary>A cut is waited for: a service that ends of it would be started again here, and would only look well.</summary>
    internal static void MustHaveLived(CrashCell cell, HostedService service, IServiceProvider life)
    {
        if (cell.Fault is Fault.DatabaseCut or Fault.BrokerCut)
        {
            Assert.True(service.Services == life, $"{cell}: the service ended of the cut");
        }
    }

    internal static void Strike(CrashCell cell, CrashLane lane, HostedService service, CancellationTokenSource hangUp)
    {
        switch (cell.Fault)
        {
            case Fault.Exception:
                throw new StrikeException(cell);
            case Fault.Cancellation:
                service.TellToStop();
                hangUp.Cancel();
                break;
            case Fault.DatabaseCut:
                lane.CutDatabase(cell.CutsTheCommitOf);
                break;
            default:
                lane.CutBroker();
                break;
        }
    }

    /// <summary>How many requests share a transaction is chance: as many rounds as it takes until enough of them did.</summary>
    /// <param name="struck">Whether it has happened.</param>
    /// <param name="submit">One round.</param>
    /// <param name="isThrough">Whether the round has gone by.</param>
    private async Task RepeatUntilAsync(Func<bool> struck, Func<IReadOnlyList<Request>, Task> submit, Func<Task<bool>> isThrough)
    {
        for (var round = 0; !struck(); round++)
        {
            Assert.True(round < MaxRounds, $"{cell.Path} was not reached in {MaxRounds} rounds");
            var requests = cell.NextRequests();
            _requests.AddRange(requests);
            if (IsFedByBroker)
            {
                await lane.PublishAsync(requests);
            }
            else
            {
                await submit(requests);
            }

            await Eventually.True(async () => struck() || (cell.Point != "C8" && await isThrough()), Limit, $"{cell.Path} to be reached or passed by");
        }
    }

    /// <summary>A publisher by itself brings messages to the broker, and nobody is there to give them an outcome.</summary>
    private async Task<bool> IsThroughAsync(ServiceOptions process) =>
        process.Project == "Publisher" ? await lane.CountAsync("outgoing_messages") == 0 : await lane.IsSettledAsync();

    /// <summary>
    /// Refuses connections some time before it can be seen to have died, and rounds that nobody took are none. One that is fed by the broker may
    /// not listen yet: whether it lives is seen by what becomes of the messages.
    /// </summary>
    private async Task<bool> IsAliveAsync(ServiceProcess process)
    {
        if (IsFedByBroker)
        {
            return true;
        }

        try
        {
            using var answer = await process.Http.GetAsync(new Uri("health/live", UriKind.Relative), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Every caller asks again, one with another payload, until all are answered; then everything comes to rest.</summary>
    private async Task SettleAsync(Caller caller)
    {
        if (!IsFedByBroker)
        {
            await caller.SubmitAsync(_requests);
            await caller.SubmitAsync(_requests);
            await caller.SubmitAsync(_requests[0] with { Number = 99 });
        }

        await Eventually.True(lane.IsSettledAsync, Limit, $"rest after {cell}");
        // What the broker hands out once more has no outcome to wait for.
        await Eventually.Equal(0L, lane.QueuedAsync, Limit);
    }

    /// <summary>What a stopping service had in hand it gives back; the next one takes it.</summary>
    private async Task DrainAsync()
    {
        for (var round = 1; await lane.QueuedAsync() > 0; round++)
        {
            Assert.True(round <= MaxRounds, $"I7: {cell} leaves messages that come back from every service that takes them");
            await using var service = await HostedService.StartAsync(url => lane.Build(url, cell));
            await Eventually.Equal(0L, lane.QueuedAsync, Limit);
        }
    }

    /// <summary>
    /// C8 needs a delivery that is not settled while those behind it are: its client's balance is locked until the point was reached.
    /// </summary>
    private async Task<IAsyncDisposable?> OpenGapAsync()
    {
        if (cell.Point != "C8")
        {
            return null;
        }

        await lane.ExecuteAsync("INSERT INTO balances (client, currency, amount) SELECT 'held', 'EUR', 0 WHERE NOT EXISTS (SELECT 1 FROM balances WHERE client = 'held')");
        var connection = await lane.OpenAsync();
        var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "UPDATE balances SET amount = amount WHERE client = 'held'";
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await lane.PublishAsync([Request.Payment($"held-{cell.Fault}")], client: "held");
        return connection;
    }
}
