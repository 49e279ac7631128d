using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>
/// The same tests on every database: an abstract class holds them, and one sealed class a database runs them. Each test has a
/// database of its own, migrated, and as many engines on it as it starts.
/// </summary>
public abstract class ContractSuite(SharedServers servers, DatabaseProvider provider) : IAsyncLifetime
{
    private readonly List<Engine> _engines = [];

    private EmptyDatabase? _database;

    /// <summary>False for the tests that look at migrating itself.</summary>
    protected virtual bool IsMigrated => true;

    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    protected DatabaseProvider Provider => provider;

    protected string ConnectionString => _database!.ConnectionString;

    internal Tables Tables { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _database = IsMigrated ? await EmptyDatabase.CreateMigratedAsync(servers, provider) : await EmptyDatabase.CreateAsync(servers, provider);
        Tables = new Tables(new DatabaseOptions(provider, ConnectionString));
    }

    /// <summary>An engine with the real handlers and the probe, and a broker that only records. It is up and its gate open.</summary>
    internal async Task<Engine> StartEngineAsync(Action<EngineSetup>? configure = null)
    {
        var engine = Build(configure);
        await engine.StartAsync();
        return engine;
    }

    /// <summary>The same, not started.</summary>
    internal Engine Build(Action<EngineSetup>? configure = null)
    {
        var engine = new Engine(provider, ConnectionString, configure);
        _engines.Add(engine);
        return engine;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in _engines)
        {
            await engine.DisposeAsync();
        }

        if (_database is not null)
        {
            await Tables.DisposeAsync();
            await _database.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}
