using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A deployment of which the storm knows addresses only: its faults are its own requests, and commands of the user's.</summary>
public sealed class UrlsChaosTests(SharedServers servers)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task A_storm_on_addresses_runs_the_users_commands_as_faults_and_judges_from_database_and_broker()
    {
        var broker = await servers.RabbitMqAsync();
        await using var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 1);
        var consumer = deployment.Consumers[0];
        using var folder = new TestFolder();
        await using var desk = new FaultDesk();
        var kill = desk.Command("consumer-kill", consumer.KillAsync) + ";;" + desk.Command("consumer-start", async () =>
        {
            await consumer.StartAgainAsync();
            await consumer.WaitUntilReadyAsync();
        });
        desk.Open();

        // Beside other tests next to nothing is wanted back.
        var (code, output) = await CommandLine.RunAsync(
            Limit,
            [
                "chaos", "--target", "urls", "--url", deployment.Publisher.Http.BaseAddress!.ToString(), "--postgres", deployment.ConnectionString,
                "--rabbitmq", deployment.Host.Uri.ToString(), .. broker.ManagementAddress is { } management ? (string[])["--management", management.ToString()] : [],
                "--duration", "25s", "--rate", "40/s", "--every", "5s", "--faults", "abort-requests=1", "--fault-command", "own-kill=" + kill,
                "--at-least", "own-kill=1,abort-requests=1", "--drain-limit", "2m", "--recovered", "5%", "--output", folder.Path,
            ]);

        Assert.True(code == 0, output);
        Assert.Matches(@"GOOD: (\d+) keys, \1 effects, 0 lost, 0 doubled$", output.TrimEnd());
        Assert.Matches("own-kill: [1-9]", output);
        await deployment.AssertAtomicAsync();
    }
}
