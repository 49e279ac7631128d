using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The embedded default, as a newcomer runs it: SQLite, an in-memory broker that forgets, one process.</summary>
public sealed class StandaloneTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Every_order_accepted_before_a_kill_takes_effect_once_after_the_restart()
    {
        using var folder = new TestFolder();
        await using var service = await ServiceProcess.StartReadyAsync(Options(folder));
        var accepted = new ConcurrentDictionary<string, Uri>();
        for (var round = 0; round < 5; round++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            var submitting = SubmitUntilStoppedAsync(service, round, accepted, stop.Token);
            var enough = (round + 1) * 100;
            await Eventually.True(() => accepted.Count >= enough, Limit);
            await service.KillAsync();
            await stop.CancelAsync();
            await submitting;
            await service.StartAgainAsync();
            await service.WaitUntilReadyAsync();
        }

        foreach (var (key, location) in accepted)
        {
            await Eventually.Equal("created", () => StatusAsync(service, location), Limit);
            using var replay = await SubmitAsync(service, key, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.Accepted, replay.StatusCode);
            Assert.Equal(["true"], replay.Headers.GetValues("Idempotent-Replayed"));
            Assert.Equal(location, replay.Headers.Location);
        }

        await service.TerminateAsync();
        Assert.Equal(0, await folder.CountAsync("SELECT count(*) FROM (SELECT 1 FROM orders GROUP BY client, idempotency_key HAVING count(*) > 1)"));
        Assert.Equal(0, await folder.CountAsync("SELECT count(*) FROM submissions s WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.idempotency_key = s.idempotency_key)"));
        Assert.Equal(0, await folder.CountAsync("SELECT count(*) FROM parked_messages"));
    }

    [Fact]
    public async Task The_demo_ends_with_its_verdict()
    {
        using var folder = new TestFolder();

        var (code, output) = await ServiceProcess.RunAsync(Options(folder) with { Arguments = ["--demo", "1000", "--data", folder.Path] }, TimeSpan.FromMinutes(3));

        Assert.True(code == 0, output);
        Assert.EndsWith("1000 orders, 3000 requests, 2000 replays, 1000 effects, 0 lost, 0 doubled", output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_process_on_the_same_folder_is_refused()
    {
        using var folder = new TestFolder();
        await using var first = await ServiceProcess.StartReadyAsync(Options(folder));

        var (code, output) = await ServiceProcess.RunAsync(Options(folder));

        Assert.Equal(1, code);
        Assert.Contains("Stop the other process", output, StringComparison.Ordinal);
        Assert.Contains("--data", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("--demo", "10")]
    public async Task A_folder_that_is_a_file_is_refused(params string[] arguments)
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder.Path, "a-file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);

        var (code, output) = await ServiceProcess.RunAsync(Options(folder) with { Arguments = ["--data", file, .. arguments] });

        Assert.Equal(1, code);
        Assert.Contains("choose another folder with --data", output, StringComparison.Ordinal);
        Assert.DoesNotContain("other process", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Waiting__MaxWaitSeconds", "9999")]
    [InlineData("Waiting__MaxWaitSeconds", "9999", "--demo", "10")]
    [InlineData("Waiting__MaxWaitSeconds", "abc")]
    [InlineData("Inbox__MaxBatchSize", "abc", "--demo", "10")]
    [InlineData("Orders__SetBased", "abc")]
    [InlineData("Authentication__ClientsFile", "/")]
    public async Task A_wrong_setting_stops_the_start_and_is_named_in_one_line(string name, string value, params string[] arguments)
    {
        using var folder = new TestFolder();

        var (code, output) = await ServiceProcess.RunAsync(
            new ServiceOptions("Standalone", new Dictionary<string, string?> { [name] = value }) { Arguments = ["--data", folder.Path, .. arguments] });

        Assert.True(code == 2, output);
        Assert.StartsWith(name, Assert.Single(output.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        using var folder = new TestFolder();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var assembly = Repository.AssemblyOf("Standalone");
        await using var service = ChildProcess.Start(
            "dotnet", [assembly, "--data", folder.Path], new Dictionary<string, string?> { ["ASPNETCORE_URLS"] = $"http://{taken.LocalEndpoint}" }, Path.GetDirectoryName(assembly));

        Assert.Equal(2, await service.WaitForExitAsync(Limit));
        await Eventually.True(() => service.Output.HasEnded);
        Assert.EndsWith("Choose another address with ASPNETCORE_URLS.", Assert.Single(service.Output.ToString().Trim().Split('\n')).Trim(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--demo", "0")]
    [InlineData("--demo", "many")]
    [InlineData("--nonsense")]
    public async Task Arguments_that_are_not_understood_are_named(params string[] arguments)
    {
        using var folder = new TestFolder();

        var (code, output) = await ServiceProcess.RunAsync(Options(folder) with { Arguments = arguments });

        Assert.NotEqual(0, code);
        Assert.Contains(arguments[^1], output, StringComparison.Ordinal);
    }

    private static ServiceOptions Options(TestFolder folder) => new("Standalone", new Dictionary<string, string?>()) { Arguments = ["--data", folder.Path] };

    private static Task SubmitUntilStoppedAsync(ServiceProcess service, int round, ConcurrentDictionary<string, Uri> accepted, CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, 8).Select(async caller =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var key = $"{round}-{caller}-{i}";
                try
                {
                    using var response = await SubmitAsync(service, key, stop);
                    Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
                    accepted[key] = response.Headers.Location!;
                }
                catch (HttpRequestException)
                {
                    // Killed in the middle of the answer: whether it was accepted, only the key knows.
                    return;
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }));

    private static async Task<HttpResponseMessage> SubmitAsync(ServiceProcess service, string key, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = JsonContent.Create(new { item = "book", quantity = 1 }) };
        request.Headers.Add("Idempotency-Key", key);
        return await service.Http.SendAsync(request, stop);
    }

    private static async Task<string?> StatusAsync(ServiceProcess service, Uri location)
    {
        using var document = JsonDocument.Parse(await service.Http.GetStringAsync(location, TestContext.Current.CancellationToken));
        return document.RootElement.GetProperty("status").GetString();
    }
}
