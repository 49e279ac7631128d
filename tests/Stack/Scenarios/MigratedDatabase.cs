using System.Runtime.CompilerServices;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Databases that the consumer's own <c>migrate</c> has made: once on each server; the others are copies of that one.</summary>
internal static class MigratedDatabase
{
    private static readonly ConditionalWeakTable<PostgresServer, Lazy<Task<TestDatabase>>> Templates = [];

    public static async Task<TestDatabase> CreateAsync(PostgresServer server)
    {
        var template = await Templates.GetValue(server, s => new Lazy<Task<TestDatabase>>(() => MigrateAsync(s))).Value;
        return await server.CreateDatabaseAsync(template: template);
    }

    /// <summary>Dropped with its server, or by whoever owns the server that was named.</summary>
    private static async Task<TestDatabase> MigrateAsync(PostgresServer server)
    {
        var database = await server.CreateDatabaseAsync("migrated");
        var (code, output) = await ServiceProcess.RunAsync(new ServiceOptions("Consumer", new Dictionary<string, string?>
        {
            ["Database__Provider"] = "PostgreSql",
            ["ConnectionStrings__Orders"] = database.ConnectionString,
            ["ConnectionStrings__RabbitMq"] = "amqp://nobody@localhost",
        })
        {
            Arguments = ["migrate"],
        });
        Assert.True(code == 0, output);
        return database;
    }
}
