using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>What every run needs: the servers, and for each run a database and a virtual host of its own.</summary>
internal sealed class Arena(RabbitMqServer broker, PostgresServer postgres, Report report, SessionOptions options) : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Migrated once; every run has a copy of it.</summary>
    private TestDatabase? _template;

    public Report Report => report;

    public SessionOptions Options => options;

    /// <summary>An empty database with the current schema, and a virtual host with the queue.</summary>
    public async Task<Ground> PrepareAsync(string queue, int total)
    {
        var database = await postgres.CreateDatabaseAsync("bench", _template ??= await MigrateAsync());
        return await PrepareAsync(database, isOwned: true, queue, total);
    }

    /// <summary>The database of another ground, which has to outlive this one, and a virtual host with the queue.</summary>
    public Task<Ground> PrepareOnAsync(Ground other) => PrepareAsync(other.Database, isOwned: false, other.Work.Queue, other.Work.Total);

    private async Task<Ground> PrepareAsync(TestDatabase database, bool isOwned, string queue, int total)
    {
        var host = await broker.CreateVirtualHostAsync("bench");
        var ground = new Ground(host, database, isOwned, new Assignment(database.ConnectionString, host.Uri, queue, total));
        await Broker.DeclareAsync(host.Uri, queue);
        return ground;
    }

    /// <summary>
    /// Runs a contender to its end, in a process of its own; most of a quick session in this one, since to start and to compile takes more
    /// than all that they have to do.
    /// </summary>
    /// <returns>What it answered: deliveries, messages or rows per second.</returns>
    public async Task<double> RunAsync(string contender, Assignment work)
    {
        if (options.Quick && !Contender.IsOnMassTransit(contender))
        {
            return await Contender.MeasureAsync(contender, work).WaitAsync(Limit);
        }

        await using var process = Start(contender, Contender.ToEnvironment(contender, work));
        var code = await process.WaitForExitAsync(Limit);
        await Eventually.True(() => process.Output.HasEnded);
        return code == 0
            ? Contender.Read(process.Output.ToString()).PerSecond
            : throw new InvalidOperationException($"The contender {contender} ended with {code}:\n{process.Output}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_template is not null)
        {
            await _template.DisposeAsync();
        }
    }

    /// <summary>Nobody is connected to it afterwards: PostgreSQL copies no database that is in use.</summary>
    private async Task<TestDatabase> MigrateAsync()
    {
        var template = await postgres.CreateDatabaseAsync("bench_template");
        await MigrateAsync(template.ConnectionString);
        await using var database = NpgsqlDataSource.Create(template.ConnectionString);
        await using var command = database.CreateCommand(NaiveContext.Tables);
        await command.ExecuteNonQueryAsync();
        return template;
    }

    private static async Task MigrateAsync(string connectionString)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Configuration["Database:Provider"] = nameof(DatabaseProvider.PostgreSql);
        builder.Configuration["ConnectionStrings:Orders"] = connectionString;
        builder.AddConsumer();
        // As the command migrate has it: EF Core asks an empty database for its history, and logs an error when there is none. A filter of its
        // own, since AddConsumer's for all of EF Core outweighs any minimum level.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore.Database.Command", LogLevel.None);
        builder.ConfigureContainer(new DefaultServiceProviderFactory(new ServiceProviderOptions()));
        using var host = builder.Build();
        await host.Services.GetRequiredService<Schema>().MigrateAsync(CancellationToken.None);
    }

    public static ChildProcess Start(string contender, Dictionary<string, string?> environment) =>
        ChildProcess.Start("dotnet", [typeof(Arena).Assembly.Location, Contender.Argument, contender], environment, AppContext.BaseDirectory);
}
