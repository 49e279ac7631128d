using System.Globalization;
using Messaging.Services;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>Starts the servers, runs every contender once per round, and writes the table.</summary>
internal sealed class Session(SessionOptions options)
{
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var servers = new SharedServers();
        var broker = await servers.RabbitMqAsync();
        var postgres = await servers.PostgresAsync();
        var report = new Report();
        await using var arena = new Arena(broker, postgres, report, options);
        await using var scale = new ScaleRun(arena);
        var runs = Runs(arena, scale).Where(r => options.Includes(r.Kind, r.Name)).ToList();
        var commit = await CommitCost.MeasureAsync(postgres);
        for (var round = 1; round <= options.Rounds; round++)
        {
            Console.WriteLine($"Round {round} of {options.Rounds}");
            // There and back: who is compared stays side by side, and what a run leaves behind, or a drift, meets both.
            foreach (var run in (round % 2 == 1 ? runs : runs.AsEnumerable().Reverse()).Where(r => round == 1 || !r.IsOnce))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await run.Go();
            }
        }

        var now = TimeProvider.System.GetUtcNow();
        var text = report.Write(
            $"""
            # bench/run, {now:yyyy-MM-dd HH:mm} UTC

            {Machine.Describe()}; RabbitMQ {await broker.VersionAsync()}, {await DescribeAsync(postgres)}{(Machine.UsesHugePages() ? ", in huge pages" : "")}; {options.Rounds} interleaved round(s) of {options.Messages} deliveries, a fifth of them duplicates. A commit of one row took {commit.ToString("0.00", CultureInfo.InvariantCulture)} ms (median of {CommitCost.Commits} on one connection, before the first round).
            Servers, contenders and load share the machine: read the ratios, not the figures. Every run was verified: from the database and the queue, or from the queue alone where nothing is written.{(options.WhyNotJudged is { } why ? $" Nothing is judged: {why}." : "")}
            """, judge: options.WhyNotJudged is null);
        Console.WriteLine(text);
        if (options.Output is not null || !options.Quick)
        {
            var file = options.Output ?? Path.Combine(Repository.Root, "bench", "results", now.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + ".md");
            await File.WriteAllTextAsync(file, text, cancellationToken);
        }

        return report.HasFailed ? 1 : 0;
    }

    private static async Task<string> DescribeAsync(PostgresServer postgres)
    {
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await using var settings = database.CreateCommand(
            "SELECT format('PostgreSQL %s with fsync=%s and synchronous_commit=%s', current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'))");
        return (string)(await settings.ExecuteScalarAsync())!;
    }

    private static IEnumerable<Run> Runs(Arena arena, ScaleRun scale)
    {
        // Who is compared runs one after the other: a machine's speed drifts within minutes.
        yield return new Run("scale", "large inbox", scale.FillAsync, IsOnce: true);
        var consume = new ConsumeRun(arena);
        foreach (var contender in (string[])["raw", "nothing", "set-direct"])
        {
            yield return new Run("consume", $"{contender} quorum", () => consume.RunAsync(contender, Broker.Quorum, 1));
        }

        yield return new Run("consume", "replay set-direct quorum", () => consume.ReplayAsync("set-direct"));
        foreach (var contender in (string[])["set-direct", "set-direct-forgetting"])
        {
            yield return new Run("scale", $"{contender} large inbox", () => scale.RunAsync(contender));
        }

        foreach (var (contender, share) in ((string, int)[])
            [("naive", 20), ("naive-prefetch", 20), ("ef-direct", 1), ("ef-pipe", 1), ("ef-consumer", 1), ("set-pipe", 1), ("set-consumer", 1), ("set-direct-events", 2)])
        {
            yield return new Run("consume", $"{contender} quorum", () => consume.RunAsync(contender, Broker.Quorum, share));
        }

        foreach (var contender in (string[])["raw", "set-direct", "ef-direct"])
        {
            yield return new Run("consume", $"{contender} classic", () => consume.RunAsync(contender, Broker.Classic, 1));
        }

        var effects = new EffectsRun(arena);
        foreach (var way in EffectsContender.Ways)
        {
            yield return new Run("effects", $"effects {way}", () => effects.RunAsync(way));
        }

        var http = new HttpRun(arena);
        yield return new Run("http", "http empty", () => http.CompareAsync("serve-empty", "http empty", 1));
        yield return new Run("http", "http one transaction each", () => http.CompareAsync("serve-single", "http one transaction each", 4));
        yield return new Run("http", "http one transaction each tuned", () => http.CompareAsync("serve-single-tuned", "http one transaction each tuned", 4));
        yield return new Run("http", "http one transaction each by hand", () => http.CompareAsync("serve-single-by-hand", "http one transaction each by hand", 4));
        yield return new Run("http", "http ours", () => http.RunOursAsync("http ours", dispatching: false));
        yield return new Run("http", "http one transaction, one confirm each by hand", () => http.CompareAsync("serve-single-publish", "http one transaction, one confirm each by hand", 8));
        yield return new Run("http", "http and dispatch", () => http.RunOursAsync("http and dispatch", dispatching: true));
        var dispatch = new DispatchRun(arena);
        foreach (var queue in (string[])[Broker.Quorum, Broker.Classic])
        {
            var type = queue == Broker.Quorum ? "quorum" : "classic";
            yield return new Run("dispatch", $"publish {type}", () => dispatch.RunAsync("publish", type, queue));
            yield return new Run("dispatch", $"dispatch {type}", () => dispatch.RunAsync("dispatch", type, queue));
        }

        var sqlite = new SqliteRun(arena);
        yield return new Run("sqlite", "sqlite loop", sqlite.RunLoopAsync);
        yield return new Run("sqlite", "sqlite demo", sqlite.RunDemoAsync);
        yield return new Run("latency", "latency", new LatencyRun(arena).RunAsync);
        yield return new Run("backlog", "backlog", new BacklogRun(arena).RunAsync, IsOnce: true);
    }

    /// <param name="Kind">What <c>--only</c> may name.</param>
    /// <param name="Name">Of the contender.</param>
    /// <param name="Go">Runs it and reports.</param>
    /// <param name="IsOnce">It takes minutes and is compared with no other contender: in the first round only.</param>
    private sealed record Run(string Kind, string Name, Func<Task> Go, bool IsOnce = false);
}
