using Microsoft.Extensions.Configuration;

namespace Messaging.Transactional;

/// <summary>The databases the engine speaks to.</summary>
public enum DatabaseProvider
{
    /// <summary>A file; the embedded default.</summary>
    Sqlite,

    /// <summary>PostgreSQL 13 or later.</summary>
    PostgreSql,

    /// <summary>SQL Server 2019 or later.</summary>
    SqlServer,
}

/// <summary>Which database, from <c>Database__Provider</c> and <c>ConnectionStrings__Orders</c>.</summary>
/// <param name="Provider">Which kind.</param>
/// <param name="ConnectionString">As its driver reads it.</param>
public sealed record DatabaseOptions(DatabaseProvider Provider, string ConnectionString)
{
    /// <summary>Reads and checks the two settings.</summary>
    /// <param name="configuration">The service's configuration.</param>
    /// <exception cref="SettingException">One of the two is missing or unusable; the message names the key to set.</exception>
    public static DatabaseOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var name = configuration["Database:Provider"];
        if (!Enum.TryParse<DatabaseProvider>(name, ignoreCase: true, out var provider) || !Enum.IsDefined(provider) || int.TryParse(name, out _))
        {
            throw new SettingException("Database__Provider", name, "Sqlite, PostgreSql or SqlServer");
        }

        var connectionString = configuration.GetConnectionString("Orders");
        return string.IsNullOrWhiteSpace(connectionString)
            ? throw new SettingException("ConnectionStrings__Orders", connectionString, $"a {provider} connection string")
            : new(provider, connectionString);
    }
}
