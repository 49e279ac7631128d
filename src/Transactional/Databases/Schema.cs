using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>A DbContext beside the engine's own whose migrations belong to the service.</summary>
internal sealed record SchemaParticipant(Type ContextType);

/// <summary>Brings the schema up to date, and tells whether it is.</summary>
public sealed class Schema
{
    private readonly Database _database;
    private readonly IServiceScopeFactory _scopes;
    private readonly IReadOnlyList<SchemaParticipant> _participants;

    internal Schema(Database database, IServiceScopeFactory scopes, IEnumerable<SchemaParticipant> participants) =>
        (_database, _scopes, _participants) = (database, scopes, [.. participants.Distinct()]);

    /// <summary>
    /// Applies the migrations of the engine and of the service's own contexts. Concurrent calls are safe: one applies them, the
    /// others wait and find nothing left to do.
    /// </summary>
    /// <param name="cancellationToken">Stops between two migrations.</param>
    /// <returns>The migrations applied by this call, in order.</returns>
    public async Task<IReadOnlyList<string>> MigrateAsync(CancellationToken cancellationToken)
    {
        await using var turn = await TakeTurnAsync(cancellationToken);
        await using var scope = _scopes.CreateAsyncScope();
        var applied = new List<string>();
        foreach (var context in Participants(scope.ServiceProvider).Prepend(CreateContext()))
        {
            await using (context)
            {
                var pending = await context.Database.GetPendingMigrationsAsync(cancellationToken);
                await context.Database.MigrateAsync(cancellationToken);
                applied.AddRange(pending);
            }
        }

        return applied;
    }

    /// <summary>The command <c>migrate</c>: applies the migrations and says on the console what it did.</summary>
    /// <returns>The exit code: 0 when the schema is current now, 1 when the database could not be reached or refused.</returns>
    public async Task<int> MigrateAndTellAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var applied = await MigrateAsync(cancellationToken);
            Console.WriteLine(applied.Count == 0 ? "The schema is current; nothing to do." : $"Applied {applied.Count} migration(s): {string.Join(", ", applied)}");
            return 0;
        }
        catch (Exception exception) when (exception is DbException or TimeoutException || exception.InnerException is DbException)
        {
            // EF Core wraps some of SQL Server's errors.
            await Console.Error.WriteLineAsync($"The schema could not be brought up to date: {(exception.InnerException as DbException ?? exception).Message}");
            return 1;
        }
    }

    /// <summary>The migrations that the database lacks; empty when the schema is current.</summary>
    internal async Task<IReadOnlyList<string>> FindPendingAsync(CancellationToken cancellationToken)
    {
        var pending = new List<string>(await SchemaHistoryTable.FindPendingAsync(_database, cancellationToken));
        await using var scope = _scopes.CreateAsyncScope();
        foreach (var context in Participants(scope.ServiceProvider))
        {
            await using (context)
            {
                pending.AddRange(await context.Database.GetPendingMigrationsAsync(cancellationToken));
            }
        }

        return pending;
    }

    /// <summary>The engine's model on this database.</summary>
    internal SchemaContext CreateContext() => Create(_database);

    internal static SchemaContext Create(Database database)
    {
        return database.Options.Provider switch
        {
            DatabaseProvider.Sqlite => new SqliteSchemaContext(Options<SqliteSchemaContext>(database, o => o.UseSqlite(x => x.MigrationsHistoryTable(SchemaContext.HistoryTable)))),
            DatabaseProvider.PostgreSql => new PostgreSqlSchemaContext(Options<PostgreSqlSchemaContext>(database, o => o.UseNpgsql(x => x.MigrationsHistoryTable(SchemaContext.HistoryTable)))),
            _ => new SqlServerSchemaContext(Options<SqlServerSchemaContext>(database, o => o.UseSqlServer(x => x.MigrationsHistoryTable(SchemaContext.HistoryTable)))),
        };

        static DbContextOptions<T> Options<T>(Database database, Action<DbContextOptionsBuilder<T>> history) where T : DbContext
        {
            var builder = new DbContextOptionsBuilder<T>();
            database.Configure(builder);
            history(builder);
            return builder.Options;
        }
    }

    private IEnumerable<DbContext> Participants(IServiceProvider services) => _participants.Select(p => (DbContext)services.GetRequiredService(p.ContextType));

    /// <summary>
    /// EF Core holds off concurrent migrations by itself, but not well everywhere. On PostgreSQL its lock ends with each migration, and
    /// another process begins the next one too. On SQLite it is a row in a table, which a killed process leaves behind for ever; there a
    /// lock that the operating system takes back stands in front of it, and a row found under that lock is a dead one's.
    /// </summary>
    private async Task<IAsyncDisposable?> TakeTurnAsync(CancellationToken cancellationToken) => _database.Options.Provider switch
    {
        DatabaseProvider.Sqlite => await TakeFileAsync(cancellationToken),
        DatabaseProvider.PostgreSql => await AdvisoryLock.TakeAsync(_database, cancellationToken),
        _ => null,
    };

    private async Task<IAsyncDisposable> TakeFileAsync(CancellationToken cancellationToken)
    {
        var file = Path.GetFullPath(new SqliteConnectionStringBuilder(_database.Options.ConnectionString).DataSource);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var turn = await FileLock.TakeAsync(file + ".migrate-lock", cancellationToken);
        await using var connection = await _database.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "DROP TABLE IF EXISTS \"__EFMigrationsLock\"";
        await command.ExecuteNonQueryAsync(cancellationToken);
        return turn;
    }
}
