namespace Messaging.Services;

/// <summary>
/// One server of each kind for a whole test run, started when the first test asks. An assembly fixture: test classes take it in
/// their constructor. Ask from a test or its InitializeAsync, where a skip is a skip.
/// </summary>
public sealed class SharedServers : IAsyncDisposable
{
    private readonly Lazy<Task<RabbitMqServer>> _rabbitMq = new(
        async () => RabbitMqSource.Named is { } named ? RabbitMqServer.Named(named) : await RabbitMqServer.StartAsync(await RabbitMqSource.NewAsync()));

    private readonly Lazy<Task<PostgresServer>> _postgres = new(
        async () => PostgresSource.Named is { } named ? PostgresServer.Named(named) : await OwnPostgresAsync());

    private readonly Lazy<Task<SqlServerServer>> _sqlServer = new(SqlServerServer.FindAsync);

    public Task<RabbitMqServer> RabbitMqAsync() => _rabbitMq.Value;

    public Task<PostgresServer> PostgresAsync() => _postgres.Value;

    public Task<SqlServerServer> SqlServerAsync() => _sqlServer.Value;

    /// <summary>A broker that the caller may stop, kill or pause, and must dispose.</summary>
    public static async Task<RabbitMqServer> OwnRabbitMqAsync() => await RabbitMqServer.StartAsync(await RabbitMqSource.NewAsync());

    /// <summary>A server that the caller may stop, kill or pause, and must dispose.</summary>
    public static async Task<PostgresServer> OwnPostgresAsync()
        => await PostgresServer.StartAsync(await PostgresSource.NewAsync(), PostgresSource.User, PostgresSource.Password);

    /// <summary>One whose data may fill its disk; likewise.</summary>
    public static async Task<PostgresServer> OwnPostgresOnSmallDiskAsync(int megabytes)
        => await PostgresServer.StartAsync(await PostgresSource.NewOnSmallDiskAsync(megabytes), PostgresSource.User, PostgresSource.Password);

    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(_rabbitMq);
        await DisposeAsync(_postgres);
        await DisposeAsync(_sqlServer);
    }

    private static async Task DisposeAsync<TServer>(Lazy<Task<TServer>> server)
        where TServer : IAsyncDisposable
    {
        // One that never came up has nothing to stop, and its failure was reported by the tests that asked.
        if (server.IsValueCreated && server.Value.IsCompletedSuccessfully)
        {
            await (await server.Value).DisposeAsync();
        }
    }
}
