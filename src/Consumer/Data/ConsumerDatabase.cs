using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace Messaging.Consumer;

/// <summary>Registers the context of the database that is configured.</summary>
internal static class ConsumerDatabase
{
    public static void AddConsumerContext(this IServiceCollection services, DatabaseProvider provider)
    {
        switch (provider)
        {
            case DatabaseProvider.Sqlite:
                Add<SqliteConsumerContext>(services, o => o.UseSqlite(x => x.MigrationsHistoryTable(ConsumerContext.HistoryTable)));
                break;
            case DatabaseProvider.PostgreSql:
                // One round trip for the effects of the largest batch (Inbox__MaxBatchSize), two rows each.
                Add<PostgreSqlConsumerContext>(services, o => o.UseNpgsql(x => x.MigrationsHistoryTable(ConsumerContext.HistoryTable).MaxBatchSize(4_000)));
                break;
            default:
                Add<SqlServerConsumerContext>(services, o => o.UseSqlServer(x => x.MigrationsHistoryTable(ConsumerContext.HistoryTable)));
                break;
        }
    }

    /// <summary>Not from a pool: a handler that was given up would go on with a context that is another batch's by then.</summary>
    private static void Add<T>(IServiceCollection services, Action<DbContextOptionsBuilder> history) where T : ConsumerContext =>
        services.AddDbContext<ConsumerContext, T>((s, options) =>
        {
            s.GetRequiredService<Database>().Configure(options);
            history(options);
        });

    /// <summary>Lets <c>dotnet ef migrations add</c> see the model of one database; nothing is connected to.</summary>
    internal static ConsumerContext DesignTime(DatabaseProvider provider, string connectionString)
    {
        var services = new ServiceCollection();
        services.AddSingleton(new Database(new DatabaseOptions(provider, connectionString)));
        services.AddConsumerContext(provider);
        return services.BuildServiceProvider().CreateScope().ServiceProvider.GetRequiredService<ConsumerContext>();
    }
}

internal sealed class DesignTimeSqlite : IDesignTimeDbContextFactory<SqliteConsumerContext>
{
    public SqliteConsumerContext CreateDbContext(string[] args) => (SqliteConsumerContext)ConsumerDatabase.DesignTime(DatabaseProvider.Sqlite, "Data Source=design-time");
}

internal sealed class DesignTimePostgreSql : IDesignTimeDbContextFactory<PostgreSqlConsumerContext>
{
    public PostgreSqlConsumerContext CreateDbContext(string[] args) => (PostgreSqlConsumerContext)ConsumerDatabase.DesignTime(DatabaseProvider.PostgreSql, "Host=design-time");
}

internal sealed class DesignTimeSqlServer : IDesignTimeDbContextFactory<SqlServerConsumerContext>
{
    public SqlServerConsumerContext CreateDbContext(string[] args) => (SqlServerConsumerContext)ConsumerDatabase.DesignTime(DatabaseProvider.SqlServer, "Server=design-time");
}
