using Messaging.Consumer;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Database;

/// <summary>The services on a database of their own, behind the proxy, with a dispatcher that has no broker and is not run.</summary>
internal sealed class Costs(EmptyDatabase database, CountingProxy proxy, IHost host) : IAsyncDisposable
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public CountingProxy Proxy => proxy;

    public IServiceProvider Services => host.Services;

    public static async Task<Costs> StartAsync(SharedServers servers, bool setBased = false, (string Name, string Value)? setting = null)
    {
        var database = await EmptyDatabase.CreateMigratedAsync(servers, DatabaseProvider.PostgreSql);
        var direct = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var proxy = CountingProxy.Start(direct.Host!, direct.Port);
        var counted = new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Host = "127.0.0.1", Port = proxy.Port, SslMode = SslMode.Disable, GssEncryptionMode = GssEncryptionMode.Disable,
        };
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Database:Provider"] = "PostgreSql",
            ["ConnectionStrings:Orders"] = counted.ConnectionString,
            ["Orders:SetBased"] = setBased.ToString(),
            ["Retention:IntervalSeconds"] = "0",
        });
        if (setting is var (name, value))
        {
            builder.Configuration[name] = value;
        }

        builder.AddConsumer();
        builder.Services.AddSingleton<ITransport, NoBroker>();
        builder.Services.AddSingleton<Dispatcher>();
        var costs = new Costs(database, proxy, builder.Build());
        await costs.StartAsync();
        return costs;
    }

    public InboxTransaction<ConsumerContext> Transaction()
    {
        var database = Services.GetRequiredService<Transactional.Database>();
        return new(
            database, Services.GetRequiredService<IServiceScopeFactory>(), Services.GetRequiredService<Dispatcher>(),
            new InboxClaim(database, new RetentionOptions(), TimeProvider.System), new InboxStore(database, leaseMilliseconds: 10_000, TimeProvider.System), new InboxOptions());
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(database.ConnectionString);
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Ct))!;
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync(Ct);
        await ((IAsyncDisposable)host).DisposeAsync();
        await proxy.DisposeAsync();
        await database.DisposeAsync();
    }

    private async Task StartAsync()
    {
        await host.StartAsync(Ct);
        await Services.GetRequiredService<DatabaseGate>().WaitAsync(Ct);
    }

    private sealed class NoBroker : ITransport
    {
        public Task<SendResult[]> SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("Nothing is dispatched here.");
    }
}
