using Microsoft.EntityFrameworkCore.Design;

namespace Messaging.Transactional;

/// <summary>Lets <c>dotnet ef migrations add</c> see the model of each database; nothing is connected to.</summary>
internal sealed class DesignTimeSqlite : IDesignTimeDbContextFactory<SqliteSchemaContext>
{
    public SqliteSchemaContext CreateDbContext(string[] args) => (SqliteSchemaContext)DesignTime.Create(DatabaseProvider.Sqlite, "Data Source=design-time");
}

/// <inheritdoc cref="DesignTimeSqlite"/>
internal sealed class DesignTimePostgreSql : IDesignTimeDbContextFactory<PostgreSqlSchemaContext>
{
    public PostgreSqlSchemaContext CreateDbContext(string[] args) => (PostgreSqlSchemaContext)DesignTime.Create(DatabaseProvider.PostgreSql, "Host=design-time");
}

/// <inheritdoc cref="DesignTimeSqlite"/>
internal sealed class DesignTimeSqlServer : IDesignTimeDbContextFactory<SqlServerSchemaContext>
{
    public SqlServerSchemaContext CreateDbContext(string[] args) => (SqlServerSchemaContext)DesignTime.Create(DatabaseProvider.SqlServer, "Server=design-time");
}

internal static class DesignTime
{
    public static SchemaContext Create(DatabaseProvider provider, string connectionString) =>
        Schema.Create(new Database(new DatabaseOptions(provider, connectionString)));
}
