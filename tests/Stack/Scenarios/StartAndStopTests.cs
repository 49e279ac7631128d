using System.Net;
using System.Net.Sockets;
using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Starting on what is not ready or not safe, and stopping in the middle of work.</summary>
public sealed class StartAndStopTests(SharedServers servers)
{
    /// <summary>More than a consumer may hold at once and finish after it was told to stop.</summary>
    private const int Backlog = 6000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task Row18_a_consumer_told_to_stop_finishes_what_it_has_begun_and_leaves_the_rest(ReceiveWay way)
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, way: way);
        var consumer = deployment.Consumers[0];

        // Frozen while the backlog is made, and again while SIGTERM is sent: it is told in the middle of it, whatever the machine's speed.
        consumer.Send(Signal.Stop);
        await deployment.PublishAsync("orders", Messages(Backlog));
        consumer.Send(Signal.Continue);
        await Eventually.Satisfies(() => deployment.CountAsync("SELECT count(*) FROM orders"), n => n > 0, Limit);
        consumer.Send(Signal.Stop);
        var begun = await deployment.CountAsync("SELECT count(*) FROM orders");
        consumer.Send(Signal.Terminate);
        consumer.Send(Signal.Continue);

        Assert.Equal(0, await consumer.WaitForExitAsync(TimeSpan.FromSeconds(30)));

        await Eventually.Satisfies(async () => await deployment.Host.QueueAsync("orders"), q => q is { Unacknowledged: 0 }, Limit);
        var done = await deployment.CountAsync("SELECT count(*) FROM orders");
        var left = (await deployment.Host.QueueAsync("orders"))!.Value.Ready;
        Assert.InRange(begun, 1, Backlog - 1);
        Assert.InRange(done, begun, Backlog);
        Assert.True(left > 0 && done + left >= Backlog, $"{begun} done when told to stop, {done} when it had stopped, {left} left");
        await deployment.AddConsumerAsync(way);
        await deployment.DrainedAsync(Limit);
        Assert.Equal(Backlog, await deployment.CountAsync("SELECT count(*) FROM orders"));
        await deployment.AssertAtomicAsync();
    }

    [Fact]
    public async Task Row19_a_service_started_before_the_migration_says_so_and_begins_once_the_schema_is_there()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        var settings = Settings(host, database);
        await using var consumer = ServiceProcess.Start(new ServiceOptions("Consumer", settings));
        await using var publisher = ServiceProcess.Start(new ServiceOptions("Publisher", settings));

        await consumer.WaitUntilReadyAsync("health/live");
        await publisher.WaitUntilReadyAsync("health/live");
        Assert.Contains("migrate", await consumer.Output.WaitForLineAsync("behind", Limit), StringComparison.Ordinal);
        using var notReady = await consumer.Http.GetAsync(new Uri("health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, notReady.StatusCode);
        Assert.Contains("migrate", await notReady.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        var runs = await Task.WhenAll(
            ServiceProcess.RunAsync(new ServiceOptions("Consumer", settings) { Arguments = ["migrate"] }),
            ServiceProcess.RunAsync(new ServiceOptions("Publisher", settings) { Arguments = ["migrate"] }),
            ServiceProcess.RunAsync(new ServiceOptions("Consumer", settings) { Arguments = ["migrate"] }));

        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Output));
        await consumer.WaitUntilReadyAsync();
        await publisher.WaitUntilReadyAsync();
        // Each was asked again and again: a probe writes no line.
        Assert.All((ServiceProcess[])[consumer, publisher], service => Assert.DoesNotContain("Request starting", service.Output.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_queue_that_can_lose_messages_is_refused()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        await using (var connection = await host.ConnectAsync())
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
            await channel.QueueDeclareAsync("orders", durable: true, exclusive: false, autoDelete: false, cancellationToken: TestContext.Current.CancellationToken);
        }

        foreach (var project in (string[])["Consumer", "Publisher"])
        {
            var (code, output) = await ServiceProcess.RunAsync(new ServiceOptions(project, Settings(host, database)));

            Assert.True(code == 1, $"{project} exited with {code}: {output}");
            Assert.Contains("'orders' exists with other properties", output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Database__Provider", "Oracle", "Sqlite, PostgreSql or SqlServer")]
    [InlineData("ConnectionStrings__Orders", null, "ConnectionStrings__Orders is not set")]
    [InlineData("ConnectionStrings__RabbitMq", "http://localhost", "amqp://")]
    [InlineData("ConnectionStrings__Orders", "Nonsense=1", "ConnectionStrings__Orders is 'unreadable: ")]
    [InlineData("Inbox__MaxBatchSize", "0", "Inbox__MaxBatchSize")]
    [InlineData("Inbox__MaxBatchSize", "abc", "Inbox__MaxBatchSize is 'abc'")]
    [InlineData("Inbox__Way", "abc", "Inbox__Way is 'abc'")]
    [InlineData("Payments__Way", "2", "Payments__Way is '2'")]
    [InlineData("Payments__DefaultCurrency", "euro", "Payments__DefaultCurrency is 'euro'")]
    [InlineData("Orders__SetBased", "abc", "Orders__SetBased is 'abc'")]
    public async Task A_setting_that_cannot_be_used_is_named_at_start(string name, string? value, string expected)
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        var settings = Settings(host, database);
        settings[name] = value;

        var (code, output) = await ServiceProcess.RunAsync(new ServiceOptions("Consumer", settings));

        Assert.True(code == 2, $"exit code {code}: {output}");
        Assert.Contains(expected, Assert.Single(output.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Publisher")]
    [InlineData("Consumer")]
    public async Task A_port_that_is_taken_is_told_in_one_line(string project)
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var assembly = Repository.AssemblyOf(project);
        var settings = Settings(host, database);
        settings["ASPNETCORE_URLS"] = $"http://{taken.LocalEndpoint}";
        await using var service = ChildProcess.Start("dotnet", [assembly], settings, Path.GetDirectoryName(assembly));

        Assert.Equal(2, await service.WaitForExitAsync(ServiceProcess.ReadyLimit));
        await Eventually.True(() => service.Output.HasEnded);
        var lines = service.Output.ToString().Trim().Split('\n');
        Assert.Single(lines, line => line.TrimEnd().EndsWith("address already in use. Choose another address with ASPNETCORE_URLS.", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.StartsWith("   at ", StringComparison.Ordinal) || line.StartsWith("      ---> ", StringComparison.Ordinal));
    }

    private static IEnumerable<(byte[], Dictionary<string, object?>, string?)> Messages(int count) => Enumerable.Range(0, count).Select(i =>
        ("""{"item":"book","quantity":1}"""u8.ToArray(), new Dictionary<string, object?> { ["Idempotency-Key"] = $"k{i}" }, (string?)null));

    private static Dictionary<string, string?> Settings(VirtualHost host, TestDatabase database) => new()
    {
        ["Database__Provider"] = "PostgreSql",
        ["ConnectionStrings__Orders"] = database.ConnectionString,
        ["ConnectionStrings__RabbitMq"] = host.Uri.ToString(),
        ["ASPNETCORE_ENVIRONMENT"] = "Development",
    };
}
