using System.Text.Json;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The storm of docs/chaos.md on docker-compose.yml as it is, with every fault that containers can be given.</summary>
public sealed class ComposeChaosTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(12);

    private static readonly string[] Faults =
    [
        "kill-consumer", "kill-publisher", "stop-consumer", "stop-publisher", "term-consumer", "term-publisher", "abort-requests", "replay",
        "broker-kill", "broker-restart", "database-kill", "database-restart",
    ];

    [Fact(Explicit = true)]
    public async Task A_storm_on_the_compose_file_harms_every_service_and_nothing_is_lost_or_doubled()
    {
        await using var project = await ComposeProject.StartAsync();
        using var folder = new TestFolder();

        var (code, output) = await CommandLine.RunAsync(
            Limit,
            [
                "chaos", "--target", "compose", "--file", ComposeProject.File, "--compose-command", project.Command,
                "--publisher-services", "publisher-postgres", "--consumer-services", "consumer-postgres-1", "consumer-postgres-2",
                "--url", project.Publisher.ToString(), "--api-key", "development-only", "--postgres", project.ConnectionString,
                "--rabbitmq", project.Broker.ToString(), "--management", project.Management.ToString(),
                "--duration", "60s", "--rate", "40/s", "--every", "3s", "--drain-limit", "4m", "--recovered", "50%", "--output", folder.Path,
                "--faults", "kill-consumer=3,kill-publisher=2,abort-requests=1", "--at-least", string.Join(',', Faults.Select(fault => fault + "=1")),
                .. Command(project, "broker", "rabbitmq"), .. Command(project, "database", "postgres"),
            ]);

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(code == 0, output + await project.LogAsync());
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder.Path, "chaos-report.json"), TestContext.Current.CancellationToken));
        Assert.Equal("Good", report.RootElement.GetProperty("verdict").GetProperty("judgement").GetString());
        Assert.Equal((0, 0), (Audited("lost"), Audited("doubled")));
        Assert.InRange(report.RootElement.GetProperty("keys").GetInt64(), 500, long.MaxValue);
        var done = report.RootElement.GetProperty("fault_counts").EnumerateArray().Where(count => count.GetProperty("injected").GetInt32() > 0);
        Assert.Empty(Faults.Except(done.Select(count => count.GetProperty("name").GetString()!)));

        long Audited(string name) => report.RootElement.GetProperty("audit").GetProperty(name).GetInt64();
    }

    /// <summary>The servers are harmed as a user would do it.</summary>
    private static string[] Command(ComposeProject project, string name, string service)
    {
        var compose = $"{project.Command} -f '{ComposeProject.File}'";
        return
        [
            "--fault-command", $"{name}-kill={compose} kill {service} ;; {compose} start {service}",
            "--fault-command", $"{name}-restart={compose} restart {service}",
        ];
    }
}
