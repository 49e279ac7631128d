using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>
/// Ours: rows are committed and leased, handed to the dispatcher in memory as whoever commits them does it, published, confirmed and
/// deleted. The time ends when no row is left.
/// </summary>
internal static class EngineDispatcher
{
    private const int MaxAhead = 10_000;

    public static async Task<double> RunAsync(Assignment work)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Configuration.AddInMemoryCollection(work.ToSettings());
        builder.Services.AddTransactional(builder.Configuration);
        var topology = work.Queue == Broker.Quorum ? (Action<Topology>)(t => t.Queue(work.Queue)) : _ => { };
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology);
        using var host = builder.Build();
        var messages = Enumerable.Range(0, work.Total).Select(n => Orders.Order(n, work.Queue)).ToList();
        await using var database = host.Services.GetRequiredService<Database>();
        await InsertAsync(database, messages);
        await host.StartAsync();
        await host.Services.GetRequiredService<DatabaseGate>().WaitAsync(CancellationToken.None);

        var progress = new Progress(work.Total);
        await HandOverAsync(host.Services.GetRequiredService<Dispatcher>(), work.Database, messages, progress);
        await host.StopAsync();
        return progress.PerSecond;
    }

    /// <summary>Committed beforehand, as accepting commits them, under a lease that outlasts the run.</summary>
    private static async Task InsertAsync(Database database, List<OutgoingMessage> messages)
    {
        await using var connection = await database.OpenAsync(CancellationToken.None);
        foreach (var chunk in messages.Chunk(1_000))
        {
            await using var command = connection.CreateCommand();
            Dialect.Add(command, "@lease_ms", 600_000L);
            command.CommandText = OutgoingTable.Insert(database.Dialect, command, chunk);
            await command.ExecuteNonQueryAsync();
        }

        await using var analyze = connection.CreateCommand();
        analyze.CommandText = "ANALYZE outgoing_messages";
        await analyze.ExecuteNonQueryAsync();
    }

    /// <summary>Asks the table how far it is: what counts is the deleted row, not the confirm.</summary>
    private static async Task HandOverAsync(Dispatcher dispatcher, string connectionString, List<OutgoingMessage> messages, Progress progress)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var count = database.CreateCommand("SELECT count(*) FROM outgoing_messages");
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var handedOver = 0;
        var gone = 0;
        while (gone < messages.Count)
        {
            while (handedOver < messages.Count && handedOver - gone < MaxAhead)
            {
                dispatcher.HandOver(messages[handedOver++], dispatcher.Now);
            }

            await timer.WaitForNextTickAsync();
            var now = messages.Count - (int)(long)(await count.ExecuteScalarAsync())!;
            progress.Add(now - gone);
            gone = now;
        }
    }
}
