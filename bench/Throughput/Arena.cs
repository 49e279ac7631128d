using System.Globalization;
using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>What every run needs: the servers, and for each run a database and a virtual host of its own.</summary>
internal sealed class Arena(RabbitMqServer broker, PostgresServer postgres, Report report, SessionOptions options)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public Report Report => report;

    public SessionOptions Options => options;

    /// <summary>An empty database with the current schema, and a virtual host with the queue.</summary>
    public async Task<Ground> PrepareAsync(string queue, int total)
    {
        var host = await broker.CreateVirtualHostAsync("bench");
        var database = await postgres.CreateDatabaseAsync("bench");
        var ground = new Ground(host, database, new Assignment(database.ConnectionString, host.Uri, queue, total));
        await MigrateAsync(database.ConnectionString);
        await ground.ExecuteAsync(NaiveContext.Tables);
        await Broker.DeclareAsync(host.Uri, queue);
        return ground;
    }

    /// <summary>Runs a contender to its end and reports what it answered.</summary>
    public static async Task<double> RunAsync(string contender, Assignment work)
    {
        await using var process = Start(contender, work.ToEnvironment());
        var code = await process.WaitForExitAsync(Limit);
        await Eventually.True(() => process.Output.HasEnded);
        return code == 0
            ? Contender.Read(process.Output.ToString()).PerSecond
            : throw new InvalidOperationException($"The contender {contender} ended with {code}:\n{process.Output}");
    }

    private static async Task MigrateAsync(string connectionString)
    {
        var builder = Host.CreateApplicationBuilder();
        // EF Core asks an empty database for its history, and logs an error when there is none.
        builder.Logging.SetMinimumLevel(LogLevel.Critical);
        builder.Configuration["Database:Provider"] = nameof(DatabaseProvider.PostgreSql);
        builder.Configuration["ConnectionStrings:Orders"] = connectionString;
        builder.AddConsumer();
        builder.ConfigureContainer(new DefaultServiceProviderFactory(new ServiceProviderOptions()));
        using var host = builder.Build();
        await host.Services.GetRequiredService<Schema>().MigrateAsync(CancellationToken.None);
    }

    public static ChildProcess Start(string contender, Dictionary<string, string?> environment) =>
        ChildProcess.Start("dotnet", [typeof(Arena).Assembly.Location, Contender.Argument, contender], environment, AppContext.BaseDirectory);
}

/// <summary>The database and the virtual host of one run; gone with it.</summary>
internal sealed class Ground(VirtualHost host, TestDatabase database, Assignment work) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource = NpgsqlDataSource.Create(database.ConnectionString);

    public VirtualHost Host => host;

    public Assignment Work => work;

    public NpgsqlDataSource DataSource => _dataSource;

    public async Task ExecuteAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    /// <exception cref="InvalidOperationException">The count is another one: the run did not do its work exactly once.</exception>
    public async Task RequireAsync(long expected, string sql)
    {
        var found = await CountAsync(sql);
        if (found != expected)
        {
            throw new InvalidOperationException($"Not exactly once: {expected} expected, {found} found by {sql}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _dataSource.DisposeAsync();
        await database.DisposeAsync();
        await host.DisposeAsync();
    }
}
