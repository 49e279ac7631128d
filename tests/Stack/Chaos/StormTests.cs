using System.Globalization;
using System.Text.Json;
using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>
/// The storm: real publishers and consumers on a real RabbitMQ and a real PostgreSQL, killed, frozen and deployed at random under load,
/// the servers restarted, the broker's data deleted and everything published again.
/// </summary>
[Collection<Alone>]
public sealed class StormTests
{
    /// <summary>The audit compares fingerprints, and does not look into effects, of which it knows only that they have a client and a key: those of ours are looked into here.</summary>
    private const string EffectsOfAnotherPayload = """
        SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM ledger)
             - (SELECT count(*) FROM submissions s JOIN orders o ON o.client = s.client AND o.idempotency_key = s.idempotency_key
                WHERE s.operation = 'submit-order' AND o.item = s.body::jsonb ->> 'item' AND o.quantity = (s.body::jsonb ->> 'quantity')::int)
             - (SELECT count(*) FROM submissions s JOIN ledger l ON l.client = s.client AND l.idempotency_key = s.idempotency_key
                WHERE s.operation = 'capture-payment' AND l.amount = (s.body::jsonb ->> 'amount')::numeric AND l.currency = s.body::jsonb ->> 'currency')
        """;

    [Fact]
    public async Task Every_key_takes_effect_once_through_a_storm_of_kills_freezes_and_restarts_of_both_servers()
    {
        var storm = StormSettings.Read();
        await using var broker = await SharedServers.OwnRabbitMqAsync();
        await using var postgres = await SharedServers.OwnPostgresAsync();
        await using var database = await postgres.CreateDatabaseAsync("storm");
        await using var desk = new FaultDesk();
        using var folder = new TestFolder();
        string[] faults =
        [
            "--fault-command", "broker-restart=" + desk.Command("broker-stop", broker.StopAsync) + ";;" + desk.Command("broker-start", broker.StartAsync),
            "--fault-command", "broker-kill=" + desk.Command("broker-kill", broker.KillAsync) + ";;" + desk.Command("broker-revive", broker.StartAsync),
            "--fault-command", "database-restart=" + desk.Command("database-stop", postgres.StopAsync) + ";;" + desk.Command("database-start", postgres.StartAsync),
            "--fault-command", "broker-data=" + desk.Command("broker-data", broker.LoseDataAsync) + ";;" + desk.Command("broker-again", broker.StartAsync),
        ];
        desk.Open();
        var output = storm.Output ?? folder.Path;

        var (code, printed) = await CommandLine.RunAsync(
            TimeSpan.FromMinutes((storm.Minutes * 3) + 10),
            [
                "chaos", "--target", "processes", "--publishers", "2", "--consumers", "3", "--postgres", database.ConnectionString, "--rabbitmq", broker.UriOf("/").ToString(),
                "--duration", string.Create(CultureInfo.InvariantCulture, $"{storm.Minutes}m"), "--rate", $"{storm.Rate}/s", "--keys", $"{storm.Keys}", "--duplicates", "30%",
                "--faults", "kill-consumer=5,kill-publisher=3,stop-consumer=1,stop-publisher=1,term-consumer=1,abort-requests=2,replay=1,broker-restart=0,broker-kill=0,database-restart=0,broker-data=0",
                "--at-least", storm.AtLeast, "--every", storm.Every, "--drain-limit", "5m", "--max-memory-megabytes", "512", "--output", output,
                "--recovered", string.Create(CultureInfo.InvariantCulture, $"{storm.RecoveredPercent}%"),
                .. storm.RecoveredPercent > 0 ? (string[])["--window", storm.Window] : [],
                .. storm.Seed is { } seed ? (string[])["--seed", $"{seed}"] : [],
                .. faults,
            ]);

        TestContext.Current.TestOutputHelper?.WriteLine(printed);
        Assert.True(code == 0, printed);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(output, "chaos-report.json"), TestContext.Current.CancellationToken));
        Assert.All(report.RootElement.GetProperty("invariants").EnumerateArray(), invariant => Assert.Equal("Holds", invariant.GetProperty("state").GetString()));
        Assert.InRange(report.RootElement.GetProperty("keys").GetInt64(), storm.Keys, long.MaxValue);
        // Nothing is wrong with any message: a fault that parks one is at fault itself, although the invariants hold.
        var audit = report.RootElement.GetProperty("audit");
        Assert.Equal((audit.GetProperty("keys").GetInt64(), 0), (audit.GetProperty("effects").GetInt64(), audit.GetProperty("parked").GetInt64()));
        await using var source = NpgsqlDataSource.Create(database.ConnectionString);
        await using var command = source.CreateCommand(EffectsOfAnotherPayload);
        Assert.Equal(0L, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }
}
