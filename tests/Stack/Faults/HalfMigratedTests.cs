using System.Net;
using System.Text;
using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>A migration that was interrupted, or one of an older version: some tables are there, some are not.</summary>
public sealed class HalfMigratedTests(SharedServers servers)
{
    private const string LastApplied = "ParkedAcceptedAt";
    private const string FirstMissing = "FatalAttempts";
    private const int Backlog = 20;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Row19_a_half_migrated_database_is_named_and_nothing_is_acknowledged_until_it_is_migrated()
    {
        await using var host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();
        await using var database = await (await servers.PostgresAsync()).CreateDatabaseAsync();
        await using var tables = new Transactional.Database(new DatabaseOptions(DatabaseProvider.PostgreSql, database.ConnectionString));
        await MigrateHalfAsync(tables);
        var settings = new Dictionary<string, string?>
        {
            ["Database__Provider"] = "PostgreSql",
            ["ConnectionStrings__Orders"] = database.ConnectionString,
            ["ConnectionStrings__RabbitMq"] = host.Uri.ToString(),
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
        };
        await using var direct = ServiceProcess.Start(new ServiceOptions("Consumer", settings));
        await using var endpoint = ServiceProcess.Start(new ServiceOptions("Consumer", new Dictionary<string, string?>(settings) { ["Inbox__Way"] = nameof(ReceiveWay.ConsumePipe) }));
        await using var publisher = ServiceProcess.Start(new ServiceOptions("Publisher", settings));
        ServiceProcess[] services = [direct, endpoint, publisher];

        foreach (var service in services)
        {
            await service.Output.WaitForLineAsync($"_{FirstMissing}'. Run this service once with the argument 'migrate'", Limit);
            using var ready = await service.Http.GetAsync(new Uri("health/ready", UriKind.Relative), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("migrate", await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        var journal = new Journal();
        var caller = new Caller(publisher.Http, journal);
        var early = Request.Order("early");
        Assert.False(await caller.TryAsync(early, TestContext.Current.CancellationToken));
        await PublishAsync(host, journal);
        // MassTransit's endpoint may hold them; nobody acknowledges them.
        await Eventually.Satisfies(async () => await host.QueueAsync("orders"), q => q is { } orders && orders.Ready + orders.Unacknowledged == Backlog, Limit);

        var (code, output) = await ServiceProcess.RunAsync(new ServiceOptions("Consumer", settings) { Arguments = ["migrate"] });
        Assert.True(code == 0 && output.Contains(FirstMissing, StringComparison.Ordinal) && !output.Contains(LastApplied, StringComparison.Ordinal), output);

        foreach (var service in services)
        {
            await service.WaitUntilReadyAsync();
        }

        await caller.SubmitAsync(early);
        await Eventually.Satisfies(() => JudgeAsync(tables, host, journal), violations => violations.Count == 0, Limit);
    }

    private static async Task MigrateHalfAsync(Transactional.Database database)
    {
        await using var context = Schema.Create(database);
        var target = context.Database.GetMigrations().Single(m => m.EndsWith(LastApplied, StringComparison.Ordinal));
        await context.GetService<IMigrator>().MigrateAsync(target, TestContext.Current.CancellationToken);
    }

    private static Task PublishAsync(VirtualHost host, Journal journal) => Amqp.WithChannelAsync(host, async channel =>
    {
        await Eventually.True(async () => await host.QueueAsync("orders") is not null, Limit);
        foreach (var request in Enumerable.Range(1, Backlog).Select(i => Request.Order($"k{i}", i)))
        {
            await channel.BasicPublishAsync("", "orders", mandatory: true, Amqp.Json(("Idempotency-Key", request.Key)), Encoding.UTF8.GetBytes(request.Json), TestContext.Current.CancellationToken);
            journal.Confirmed(request);
        }
    });

    private static async Task<IReadOnlyList<Violation>> JudgeAsync(Transactional.Database tables, VirtualHost host, Journal journal)
    {
        var queued = (await host.QueuesAsync()).Where(q => q.Name is "orders" or "payments").Sum(q => q.Ready + q.Unacknowledged);
        await using var connection = await tables.OpenAsync(TestContext.Current.CancellationToken);
        return InvariantChecker.Check(journal, await Snapshot.TakeAsync(connection, TestContext.Current.CancellationToken), queued);
    }
}
