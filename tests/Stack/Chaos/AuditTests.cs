using System.Text.Json;
using Messaging.Services;
using Microsoft.Data.Sqlite;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>An audit of a database that somebody has tampered with names each key that offends. A checker that was never seen red proves nothing.</summary>
public sealed class AuditTests(AuditedDeployment audited, SharedServers servers) : IClassFixture<AuditedDeployment>, IDisposable
{
    private readonly TestFolder _folder = audited.Copy();

    private string DatabaseFile => Path.Combine(_folder.Path, "messaging.db");

    [Fact]
    public async Task What_nobody_tampered_with_is_good()
    {
        var (code, output) = await AuditAsync();

        Assert.True(code == 0, output);
        Assert.EndsWith("60 keys, 60 effects, 0 lost, 0 doubled", output.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("I1", "DELETE FROM orders WHERE idempotency_key = @key")]
    [InlineData("I2", "INSERT INTO orders SELECT 'other' || id, order_id, client, idempotency_key, item, quantity, created_at FROM orders WHERE idempotency_key = @key")]
    [InlineData("I3", "UPDATE inbox SET fingerprint = zeroblob(32) WHERE idempotency_key = @key")]
    [InlineData("I4", "UPDATE inbox SET status = NULL, result = NULL, completed_at_ms = NULL WHERE idempotency_key = @key")]
    [InlineData("I4", "UPDATE inbox SET status = 'failed' WHERE idempotency_key = @key")]
    [InlineData("I4", "DELETE FROM inbox WHERE idempotency_key = @key")]
    [InlineData("I1", "DELETE FROM submissions WHERE idempotency_key = @key")]
    [InlineData("I5", "UPDATE submissions SET acceptance = replace(acceptance, 'accepted', 'ACCEPTED') WHERE idempotency_key = @key")]
    [InlineData("I7", "INSERT INTO outgoing_messages (id, destination, message_type, body, client, idempotency_key, fingerprint, accepted_at_ms, attempts, leased_until_ms) SELECT id, destination, message_type, body, client, idempotency_key, fingerprint, accepted_at_ms, 0, 0 FROM submissions WHERE idempotency_key = @key")]
    public async Task What_was_tampered_with_is_named(string invariant, string sql)
    {
        var key = await TamperAsync(sql);

        var (code, output) = await AuditAsync("--json");

        Assert.True(code == 1, output);
        var (state, offending) = Find(output, invariant);
        Assert.Equal("Violated", state);
        Assert.Contains(invariant == "I7" ? "1 outgoing rows" : key, Assert.Single(offending), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nothing_was_accepted_there_was_nothing_to_judge()
    {
        await TamperAsync("DELETE FROM submissions; DELETE FROM inbox; DELETE FROM orders; DELETE FROM ledger; DELETE FROM balances WHERE @key = @key");

        var (code, output) = await CommandLine.RunAsync(AuditedDeployment.Limit, "audit", "--database", "sqlite", "--connection", DatabaseFile);

        Assert.True(code == 2, output);
        Assert.EndsWith("INCOMPLETE: no key was accepted, so there was nothing to judge", output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Effects_whose_table_nobody_named_are_not_said_to_be_there()
    {
        var (code, output) = await AuditAsync("--effects", "submit-order=orders");

        Assert.True(code == 2, output);
        Assert.Contains("INCOMPLETE: the effects of capture-payment were not looked at", output, StringComparison.Ordinal);
    }

    /// <summary>Also an operation that only foreign producers send, which has keys in the inbox alone.</summary>
    [Theory]
    [InlineData("submissions", "inbox")]
    [InlineData("inbox", "submissions")]
    public async Task An_operation_that_nobody_named_is_named(string there, string notThere)
    {
        await TamperAsync($"UPDATE {there} SET operation = 'notify' WHERE idempotency_key = @key; DELETE FROM {notThere} WHERE idempotency_key = @key; DELETE FROM orders WHERE idempotency_key = @key");

        var (code, output) = await CommandLine.RunAsync(AuditedDeployment.Limit, "audit", "--database", "sqlite", "--connection", DatabaseFile);

        Assert.True(code == 2, output);
        Assert.Contains("INCOMPLETE: the effects of notify were not looked at", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0, "Holds")]
    [InlineData("; DELETE FROM inbox WHERE idempotency_key = @key", 1, "Violated")]
    public async Task Of_effects_that_no_table_holds_the_outcome_is_looked_at(string harm, int expected, string state)
    {
        await TamperAsync("UPDATE submissions SET operation = 'notify' WHERE idempotency_key = @key; UPDATE inbox SET operation = 'notify' WHERE idempotency_key = @key; DELETE FROM orders WHERE idempotency_key = @key" + harm);

        var (code, output) = await CommandLine.RunAsync(AuditedDeployment.Limit,
            "audit", "--database", "sqlite", "--connection", DatabaseFile, "--json", "--effects", "submit-order=orders", "capture-payment=ledger:balances", "notify=-");

        Assert.True(code == expected, output);
        Assert.Equal(state, Find(output, "I1").State);
    }

    [Fact]
    public async Task Without_a_look_at_the_queues_nobody_knows_whether_they_are_drained()
    {
        var (_, output) = await AuditAsync("--json");

        Assert.Equal(("NotChecked", "NotChecked"), (Find(output, "I6").State, Find(output, "I7").State));
    }

    [Fact]
    public async Task A_message_that_is_in_no_queue_and_has_no_outcome_was_let_go_too_early()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync("audit");
        await using var connection = await host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken);
        foreach (var queue in (string[])["orders", "payments"])
        {
            await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: TestContext.Current.CancellationToken);
        }

        var (code, output) = await AuditAsync("--json", "--rabbitmq", host.Uri.ToString());
        Assert.True(code == 0, output);
        // Nobody said what is unacknowledged.
        Assert.Equal(("Holds", "NotChecked"), (Find(output, "I6").State, Find(output, "I7").State));

        var key = await TamperAsync("DELETE FROM orders WHERE idempotency_key = @key; DELETE FROM inbox WHERE idempotency_key = @key");
        (code, output) = await AuditAsync("--json", "--rabbitmq", host.Uri.ToString());
        Assert.True(code == 1, output);
        var (state, offending) = Find(output, "I6");
        Assert.Equal("Violated", state);
        Assert.Contains(key, Assert.Single(offending), StringComparison.Ordinal);

        await channel.BasicPublishAsync("", "orders", new byte[1], TestContext.Current.CancellationToken);
        (_, output) = await AuditAsync("--json", "--rabbitmq", host.Uri.ToString());
        Assert.Equal(("NotChecked", "Violated"), (Find(output, "I6").State, Find(output, "I7").State));
    }

    [Fact]
    public async Task A_balance_that_is_not_the_sum_of_its_entries_is_named()
    {
        await TamperAsync("UPDATE balances SET amount = CAST(CAST(amount AS REAL) + 0.01 AS TEXT) WHERE @key = @key");

        var (code, output) = await AuditAsync();

        Assert.True(code == 1, output);
        Assert.Contains("balance of anonymous/EUR", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_could_not_be_read_is_neither_good_nor_bad()
    {
        var (code, output) = await CommandLine.RunAsync(AuditedDeployment.Limit, "audit", "--database", "sqlite", "--connection", Path.Combine(_folder.Path, "nothing", "there.db"));

        Assert.Equal(2, code);
        Assert.Contains("Could not check", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_file_that_is_not_there_is_not_made()
    {
        var file = Path.Combine(_folder.Path, "mistyped.db");

        var (code, output) = await CommandLine.RunAsync(AuditedDeployment.Limit, "audit", "--database", "sqlite", "--connection", file);

        Assert.Equal(2, code);
        Assert.Contains($"There is no file {file}.", output, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    public void Dispose() => _folder.Dispose();

    private Task<(int ExitCode, string Output)> AuditAsync(params IEnumerable<string> more) =>
        CommandLine.RunAsync(AuditedDeployment.Limit, ["audit", "--database", "sqlite", "--connection", DatabaseFile, "--journal", audited.Journal, .. more]);

    private static (string? State, List<string> Offending) Find(string output, string invariant)
    {
        using var report = JsonDocument.Parse(output);
        var found = report.RootElement.GetProperty("invariants").EnumerateArray().Single(i => i.GetProperty("id").GetString() == invariant);
        return (found.GetProperty("state").GetString(), [.. found.GetProperty("offending").EnumerateArray().Select(o => o.GetString()!)]);
    }

    /// <returns>The key of the order that was chosen.</returns>
    private async Task<string> TamperAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var choose = connection.CreateCommand();
        choose.CommandText = "SELECT idempotency_key FROM orders ORDER BY order_id LIMIT 1";
        var key = (string)(await choose.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        await using var tamper = connection.CreateCommand();
        tamper.CommandText = sql;
        tamper.Parameters.AddWithValue("@key", key);
        Assert.True(await tamper.ExecuteNonQueryAsync(TestContext.Current.CancellationToken) > 0);
        return key;
    }
}
