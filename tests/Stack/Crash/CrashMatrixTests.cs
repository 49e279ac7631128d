using System.Collections.Concurrent;
using System.Diagnostics;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>Every crash point, one by one: docs/flow.md says what must be there afterwards, and the checker looks.</summary>
public abstract class CrashMatrixTests(SharedServers servers, CrashLanes lanes, DatabaseProvider provider) : IClassFixture<CrashLanes>
{
    protected async Task RunAsync(Fault fault)
    {
        var cells = new ConcurrentQueue<CrashCell>(CrashMatrix.Cells.Where(c => c.Provider == provider && c.Fault == fault && CrashMatrix.WhyNot(c) is null));
        var (count, watch) = (cells.Count, Stopwatch.StartNew());
        var failures = new ConcurrentQueue<string>();
        var took = new ConcurrentQueue<(TimeSpan Time, CrashCell Cell)>();
        await Task.WhenAll((await lanes.OfAsync(servers, provider)).Select(async lane =>
        {
            while (cells.TryDequeue(out var cell))
            {
                var began = watch.Elapsed;
                foreach (var failure in await FailuresAsync(cell, lane))
                {
                    failures.Enqueue($"{cell}: {failure}");
                }

                took.Enqueue((watch.Elapsed - began, cell));
                TestContext.Current.SendDiagnosticMessage("{0:0.0} s: {1}", (watch.Elapsed - began).TotalSeconds, cell);
            }
        }));

        var slowest = took.MaxBy(t => t.Time);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{provider} × {fault}: {count} cells in {watch.Elapsed.TotalSeconds:0} s, {failures.Count} failures; the slowest took {slowest.Time.TotalSeconds:0.0} s: {slowest.Cell}");
        Assert.True(failures.IsEmpty, string.Join(Environment.NewLine, failures));
        Assert.Equal(count, took.Count);
    }

    /// <summary>A cell that throws must not take the rest of the matrix with it.</summary>
    private static async Task<IEnumerable<string>> FailuresAsync(CrashCell cell, CrashLane lane)
    {
        try
        {
            return (await new CrashScenario(cell, lane).RunAsync()).Select(v => v.ToString());
        }
        catch (Exception exception)
        {
            return [exception.ToString()];
        }
    }
}

/// <summary>The broker and the database are in the process: there is no connection to cut.</summary>
public sealed class CrashMatrixOnSqlite(SharedServers servers, CrashLanes lanes) : CrashMatrixTests(servers, lanes, DatabaseProvider.Sqlite)
{
    [Fact]
    public Task Row01_killed_at_any_point() => RunAsync(Fault.Kill);

    [Fact]
    public Task Row01_an_unforeseen_exception_at_any_point() => RunAsync(Fault.Exception);

    [Fact]
    public Task Row01_told_to_stop_at_any_point() => RunAsync(Fault.Cancellation);
}

public abstract class CrashMatrixOnServers(SharedServers servers, CrashLanes lanes, DatabaseProvider provider) : CrashMatrixTests(servers, lanes, provider)
{
    [Fact]
    public Task Row01_killed_at_any_point() => RunAsync(Fault.Kill);

    [Fact]
    public Task Row01_an_unforeseen_exception_at_any_point() => RunAsync(Fault.Exception);

    [Fact]
    public Task Row01_told_to_stop_at_any_point() => RunAsync(Fault.Cancellation);

    [Fact]
    public Task Row01_the_database_connection_is_cut_at_any_point() => RunAsync(Fault.DatabaseCut);

    [Fact]
    public Task Row01_the_broker_connection_is_cut_at_any_point() => RunAsync(Fault.BrokerCut);
}

public sealed class CrashMatrixOnPostgreSql(SharedServers servers, CrashLanes lanes) : CrashMatrixOnServers(servers, lanes, DatabaseProvider.PostgreSql);

public sealed class CrashMatrixOnSqlServer(SharedServers servers, CrashLanes lanes) : CrashMatrixOnServers(servers, lanes, DatabaseProvider.SqlServer);
