using System.Text.Json;
using Messaging.Services;
using Microsoft.Data.Sqlite;

namespace Messaging.Stack;

/// <summary>A storm as a newcomer starts it, with nothing installed; and its report, as a browser shows it.</summary>
public sealed class StandaloneChaosTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task A_storm_on_Standalone_kills_it_judges_it_and_draws_a_report_that_a_browser_shows()
    {
        using var folder = new TestFolder();

        // The tests beside it come and go: what is left of the throughput is theirs to say. StormTests, alone, wants some of it back.
        var (code, output) = await CommandLine.RunAsync(
            Limit, "chaos", "--target", "standalone", "--duration", "20s", "--rate", "40/s", "--every", "4s", "--seed", "11", "--output", folder.Path,
            "--faults", "kill-consumer=1,abort-requests=1,replay=1", "--at-least", "kill-consumer=2,replay=1,abort-requests=1", "--drain-limit", "2m", "--recovered", "5%");

        Assert.True(code == 0, output);
        Assert.Matches(@"GOOD: (\d+) keys, \1 effects, 0 lost, 0 doubled$", output.TrimEnd());
        var page = new Uri("file://" + Path.Combine(folder.Path, "chaos-report.html"));
        await using var browser = await Chromium.StartAsync();
        await browser.OpenAsync(page);
        await Eventually.Equal("Exactly once", () => browser.EvaluateAsync("document.querySelector('header p.mark')?.textContent ?? ''"));
        Assert.True(int.Parse(await browser.EvaluateAsync("document.querySelectorAll('svg rect.fault').length"), System.Globalization.CultureInfo.InvariantCulture) >= 4);
        Assert.Equal("8", await browser.EvaluateAsync("document.querySelectorAll('span.state.good').length"));
        Assert.Equal([page], browser.Requested.Where(r => r.Scheme != "data").Distinct());
        // A blank page of this size is some five thousand bytes as PNG; one with text and curves many times that.
        Assert.InRange((await browser.ScreenshotAsync()).Length, 40_000, int.MaxValue);
    }

    /// <summary>The control run: a storm whose only fault breaks the guarantee itself.</summary>
    [Fact]
    public async Task A_storm_in_which_an_effect_is_doubled_and_another_lost_ends_red_and_names_both_keys()
    {
        using var folder = new TestFolder();
        await using var desk = new FaultDesk();
        List<string> keys = [];
        var tamper = desk.Command("tamper", async () => keys = await TamperAsync(Path.Combine(folder.Path, "data", "messaging.db")));
        desk.Open();

        var (code, output) = await CommandLine.RunAsync(
            Limit, "chaos", "--target", "standalone", "--duration", "15s", "--rate", "40/s", "--output", folder.Path, "--faults", "", "--every", "1h",
            "--fault-command", "tamper=" + tamper, "--at-least", "tamper=1", "--operation", "orders", "--recovered", "0%");

        Assert.True(code == 1, output);
        Assert.Contains("1 lost, 1 doubled", output, StringComparison.Ordinal);
        Assert.Contains($"I2: anonymous/{keys[0]}", output, StringComparison.Ordinal);
        Assert.Contains($"I1: anonymous/{keys[1]}", output, StringComparison.Ordinal);
    }

    /// <summary>The control run of the comparison: every insert gets slow for good, and the paced load is still answered. No runtime fits into the memory that is allowed.</summary>
    [Fact]
    public async Task A_deployment_that_keeps_up_with_its_load_but_has_lost_most_of_its_capacity_ends_red()
    {
        using var folder = new TestFolder();
        await using var desk = new FaultDesk();
        var cripple = desk.Command("cripple", () => SlowDownAsync(Path.Combine(folder.Path, "data", "messaging.db")));
        desk.Open();

        var (code, output) = await CommandLine.RunAsync(
            Limit, "chaos", "--target", "standalone", "--duration", "20s", "--rate", "10/s", "--output", folder.Path, "--faults", "", "--every", "1h",
            "--fault-command", "cripple=" + cripple, "--at-least", "cripple=1", "--recovered", "50%", "--drain-limit", "2m", "--max-memory-megabytes", "64");

        Assert.True(code == 1, output);
        Assert.Contains("I8 bounded memory is violated", output, StringComparison.Ordinal);
        Assert.Contains("I7 liveness is violated", output, StringComparison.Ordinal);
        Assert.Contains("unpaced throughput after is", output, StringComparison.Ordinal);
        Assert.Contains("0 lost, 0 doubled", output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder.Path, "chaos-report.json"), TestContext.Current.CancellationToken));
        Assert.InRange(report.RootElement.GetProperty("recovery").GetProperty("ratio").GetDouble(), 0, 0.5);
    }

    /// <summary>Killed from outside, as the system does when memory runs out: the storm has not done it, and must not count it as its own.</summary>
    [Fact]
    public async Task A_service_that_dies_by_itself_is_named_and_makes_the_storm_red()
    {
        using var folder = new TestFolder();
        await using var desk = new FaultDesk();
        var die = desk.Command("die", () =>
        {
            KillServiceOn(Path.Combine(folder.Path, "data"));
            return Task.CompletedTask;
        });
        desk.Open();

        var (code, output) = await CommandLine.RunAsync(
            Limit, "chaos", "--target", "standalone", "--duration", "15s", "--rate", "20/s", "--output", folder.Path, "--faults", "", "--every", "1h",
            "--fault-command", "die=" + die, "--at-least", "die=1", "--recovered", "0%");

        Assert.True(code == 1, output);
        Assert.Contains("standalone exited with 137 by itself", output, StringComparison.Ordinal);
        // Nothing of the throughput is wanted back: it is not measured, and liveness is checked all the same.
        Assert.DoesNotContain("unpaced throughput after is", output, StringComparison.Ordinal);
        Assert.DoesNotContain("was not checked", output, StringComparison.Ordinal);
        Assert.Contains("0 lost, 0 doubled", output, StringComparison.Ordinal);
    }

    /// <summary>Killed, and its folder taken by another: it cannot come back. What a storm is there to find has a verdict and a report.</summary>
    [Fact]
    public async Task A_service_that_does_not_come_back_makes_the_storm_red_and_has_its_report()
    {
        using var folder = new TestFolder();
        var data = Path.Combine(folder.Path, "data");
        FileStream? taken = null;
        await using var desk = new FaultDesk();
        var take = desk.Command("take", async () =>
        {
            KillServiceOn(data);
            await Eventually.Succeeds(() =>
            {
                taken = new FileStream(Path.Combine(data, "standalone.lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                return Task.CompletedTask;
            }, Limit, "the folder to be free");
        });
        desk.Open();

        var (code, output) = await CommandLine.RunAsync(
            Limit, "chaos", "--target", "standalone", "--duration", "15s", "--rate", "20/s", "--output", folder.Path, "--faults", "", "--every", "1h",
            "--fault-command", "take=" + take, "--at-least", "take=1", "--recovered", "0%", "--drain-limit", "5s");
        Assert.True(code == 1, output);
        await taken!.DisposeAsync();
        Assert.Contains("I7: standalone exited with 1", output, StringComparison.Ordinal);
        Assert.Contains("standalone exited with 137 by itself", output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder.Path, "chaos-report.json"), TestContext.Current.CancellationToken));
        Assert.Equal("Violated", report.RootElement.GetProperty("verdict").GetProperty("judgement").GetString());
        // Whether something was on its way when it died is chance; none of it is called lost.
        Assert.Matches(" 0 lost, 0 doubled$| 0 doubled, not healed$", report.RootElement.GetProperty("verdict").GetProperty("summary").GetString());
        Assert.DoesNotContain("I1 no loss is violated", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder.Path, "chaos-report.html")));
    }

    [Fact]
    public async Task Ctrl_C_heals_drains_and_judges()
    {
        using var folder = new TestFolder();
        await using var storm = CommandLine.Start(
            "chaos", "--target", "standalone", "--duration", "2m", "--every", "2s", "--window", "4s", "--faults", "stop-consumer=1", "--seed", "3", "--output", folder.Path);
        await storm.Output.WaitForLineAsync("fault: stop-consumer", Limit);

        storm.Send(Signal.Interrupt);

        await storm.Output.WaitForLineAsync("interrupted: healing and draining first", Limit);
        Assert.Equal(2, await storm.WaitForExitAsync(Limit));
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder.Path, "chaos-report.json"), TestContext.Current.CancellationToken));
        Assert.Equal("Incomplete", report.RootElement.GetProperty("verdict").GetProperty("judgement").GetString());
        var reasons = report.RootElement.GetProperty("verdict").GetProperty("reasons").EnumerateArray().Select(r => r.GetString()).ToList();
        Assert.Contains("it was interrupted", reasons);
        Assert.Contains(reasons, r => r!.StartsWith("I7 liveness was not checked", StringComparison.Ordinal));
        Assert.Equal(0, report.RootElement.GetProperty("audit").GetProperty("lost").GetInt64());
    }

    /// <summary>
    /// The first one waits for the fault under way, here a command that takes an hour; the next one does not, and heals what the command may have
    /// broken. The command has a session of its own: on a terminal Ctrl-C would reach it too, before anybody healed.
    /// </summary>
    [Fact]
    public async Task A_second_Ctrl_C_quits_without_a_verdict_and_leaves_nothing_running_or_frozen()
    {
        using var folder = new TestFolder();
        await using var storm = CommandLine.Start(
            "chaos", "--target", "standalone", "--duration", "2m", "--every", "2s", "--faults", "stop-consumer=1", "--fault-command", $"endless=touch {folder.Path}/broken; sleep 3600;; rm {folder.Path}/broken",
            "--at-least", "endless=1,stop-consumer=1", "--seed", "3", "--recovered", "0%", "--output", folder.Path);
        await storm.Output.WaitForLineAsync("fault: endless", Limit);
        Assert.NotEmpty(ProcessesNaming(folder.Path, besides: storm.Id));
        await Eventually.True(() => File.Exists(Path.Combine(folder.Path, "broken")), Limit);
        // The shell; for a moment also its child, until that is the sleep.
        var commands = await Eventually.Satisfies(
            () => Task.FromResult(ProcessesNaming("sleep 3600", besides: storm.Id).Where(p => Arguments(p).Contains(folder.Path, StringComparison.Ordinal)).ToList()),
            found => found.Count == 1, Limit, "one shell to run the command");
        var command = commands[0];
        Assert.NotEqual(SessionOf($"/proc/{storm.Id}"), SessionOf(command));

        await Eventually.True(() => !storm.Send(Signal.Interrupt), Limit, "the storm to quit");

        Assert.Equal(2, await storm.WaitForExitAsync(Limit));
        await Eventually.True(() => storm.Output.HasEnded);
        Assert.Contains("Quit; there is no verdict.", storm.Output.ToString(), StringComparison.Ordinal);
        Assert.Empty(ProcessesNaming(folder.Path, besides: storm.Id));
        Assert.False(File.Exists(Path.Combine(folder.Path, "broken")));
    }

    private static async Task SlowDownAsync(string file)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False;Default Timeout=60");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var slow = connection.CreateCommand();
        slow.CommandText = """
            CREATE TRIGGER slow_down AFTER INSERT ON submissions BEGIN
              SELECT COUNT(*) FROM submissions AS s, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n) WHERE s.id = NEW.id;
            END
            """;
        await slow.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static void KillServiceOn(string data)
    {
        var service = int.Parse(Path.GetFileName(Assert.Single(ProcessesNaming(data, besides: 0))), System.Globalization.CultureInfo.InvariantCulture);
        using var process = System.Diagnostics.Process.GetProcessById(service);
        process.Kill();
    }

    private static List<string> ProcessesNaming(string text, int besides) =>
        [.. Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out var id) && id != besides).Where(d => Arguments(d).Contains(text, StringComparison.Ordinal))];

    /// <summary>With spaces between them; nothing of a process that has ended meanwhile.</summary>
    private static string Arguments(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>The sixth field of proc_pid_stat(5); the second, the name, is in brackets.</summary>
    private static string SessionOf(string process)
    {
        var stat = File.ReadAllText(Path.Combine(process, "stat"));
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3];
    }

    /// <returns>The key that was doubled and the key that was lost.</returns>
    private static async Task<List<string>> TamperAsync(string file)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var choose = connection.CreateCommand();
        choose.CommandText = "SELECT idempotency_key FROM orders ORDER BY order_id LIMIT 2";
        var keys = new List<string>();
        await using (var reader = await choose.ExecuteReaderAsync(TestContext.Current.CancellationToken))
        {
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            {
                keys.Add(reader.GetString(0));
            }
        }

        await using var tamper = connection.CreateCommand();
        tamper.CommandText = """
            INSERT INTO orders SELECT 'other' || id, order_id, client, idempotency_key, item, quantity, created_at FROM orders WHERE idempotency_key = @doubled;
            DELETE FROM orders WHERE idempotency_key = @lost;
            """;
        tamper.Parameters.AddWithValue("@doubled", keys[0]);
        tamper.Parameters.AddWithValue("@lost", keys[1]);
        await tamper.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return keys;
    }
}
