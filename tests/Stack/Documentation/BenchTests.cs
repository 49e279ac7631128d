using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The benchmark must not rot: with tiny numbers every contender runs, and is verified by the bench itself.</summary>
public sealed class BenchTests(SharedServers servers)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(12);

    /// <summary>The rows of the table; what is judged is compared by these names, and a ratio whose contender is missing has no row.</summary>
    private static readonly string[] Expected =
    [
        "raw quorum", "nothing quorum", "set-direct quorum", "replay set-direct quorum", "set-direct large inbox", "set-direct-forgetting large inbox", "rows forgotten meanwhile",
        "naive quorum", "naive-prefetch quorum", "ef-direct quorum", "ef-pipe quorum", "ef-consumer quorum", "set-pipe quorum", "set-consumer quorum", "set-direct-events quorum",
        "raw classic", "set-direct classic", "ef-direct classic",
        "effects SaveChanges", "effects unnest", "effects COPY", "effects linq2db-rows", "effects linq2db-COPY",
        .. Http("http empty"), .. Http("http one transaction each"), .. Http("http one transaction each tuned"), .. Http("http one transaction each by hand"), .. Http("http ours"),
        .. Http("http one transaction, one confirm each by hand"), .. Http("http and dispatch"),
        "http and dispatch until published",
        "publish quorum", "dispatch quorum", "publish classic", "dispatch classic",
        "sqlite loop", "sqlite demo", "latency median", "latency p99",
        "backlog, two consumers", "backlog, rows forgotten meanwhile", "backlog memory, most", "backlog memory, early", "backlog memory, late",
    ];

    /// <summary>How many ratios Report.cs knows, of which none may be judged on tiny numbers.</summary>
    private const int Ratios = 23;

    [Fact]
    public async Task With_tiny_numbers_every_contender_runs_and_is_verified()
    {
        var (broker, postgres) = (await servers.RabbitMqAsync(), await servers.PostgresAsync());
        using var folder = new TestFolder();
        var table = Path.Combine(folder.Path, "table.md");
        var bench = AppContext.BaseDirectory.Replace(Path.Combine("tests", "Stack"), Path.Combine("bench", "Throughput"), StringComparison.Ordinal);
        await using var process = ChildProcess.Start("dotnet", [Path.Combine(bench, "Messaging.Throughput.dll"), "--quick", "--output", table], new Dictionary<string, string?>
        {
            ["MESSAGING_TEST_RABBITMQ"] = broker.UriOf("/").ToString(),
            ["MESSAGING_TEST_RABBITMQ_MANAGEMENT"] = broker.ManagementAddress!.ToString(),
            ["MESSAGING_TEST_POSTGRES"] = postgres.ConnectionString,
        });

        var code = await process.WaitForExitAsync(Limit);

        await Eventually.True(() => process.Output.HasEnded);
        Assert.True(code == 0, process.Output.ToString());
        Assert.DoesNotContain("fail: ", process.Output.ToString(), StringComparison.Ordinal);
        var tables = (await File.ReadAllTextAsync(table, TestContext.Current.CancellationToken)).Split("| ratio of medians");
        Assert.Equal(2, tables.Length);
        Assert.Equal(Expected, Rows(tables[0]).Skip(1).Select(cells => cells[1]));
        var verdicts = Rows(tables[1]).Select(cells => cells[^2]).ToList();
        Assert.Equal(Enumerable.Repeat("not judged", Ratios), verdicts);
    }

    [Fact]
    public async Task Every_hot_function_of_the_micro_benchmarks_runs()
    {
        var micro = AppContext.BaseDirectory.Replace(Path.Combine("tests", "Stack"), Path.Combine("bench", "Micro"), StringComparison.Ordinal);
        await using var process = ChildProcess.Start("dotnet", [Path.Combine(micro, "Messaging.Micro.dll"), "--filter", "*", "--job", "Dry"], new Dictionary<string, string?>());

        var code = await process.WaitForExitAsync(Limit);

        await Eventually.True(() => process.Output.HasEnded);
        Assert.True(code == 0, process.Output.ToString());
        foreach (var function in (string[])["Idempotency-Key header", "canonical JSON and fingerprint", "canonical JSON", "digest of a scoped key", "MassTransit envelope", "claim of 200 keys"])
        {
            Assert.Contains($"| '{function}", process.Output.ToString(), StringComparison.Ordinal);
        }
    }

    private static string[] Http(string contender) => [contender, $"{contender} p50", $"{contender} p99"];

    /// <summary>The cells of each line that begins with one; the line between a heading and its rows is none.</summary>
    private static IEnumerable<string[]> Rows(string table) => table.Split('\n')
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
        .Select(line => line.Split('|').Select(cell => cell.Trim()).ToArray());
}
