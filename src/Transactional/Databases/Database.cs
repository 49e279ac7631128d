using System.Data.Common;
using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Transactional;

/// <summary>The one database of a service: submissions, outgoing messages, inbox, parked messages, and the business tables.</summary>
public sealed class Database : IAsyncDisposable
{
    private readonly NpgsqlDataSource? _dataSource;

    /// <summary>Prepares connections; opens none.</summary>
    /// <param name="options">Which database.</param>
    /// <exception cref="SettingException">The connection string cannot be read.</exception>
    public Database(DatabaseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        try
        {
            Dialect = options.Provider switch
            {
                DatabaseProvider.Sqlite => new SqliteDialect(options.ConnectionString),
                DatabaseProvider.PostgreSql => new PostgreSqlDialect(_dataSource = PostgreSqlDialect.CreateDataSource(options.ConnectionString)),
                _ => new SqlServerDialect(new SqlConnectionStringBuilder(options.ConnectionString).ConnectionString),
            };
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            throw new SettingException("ConnectionStrings__Orders", "unreadable: " + exception.Message, $"a {options.Provider} connection string");
        }
    }

    /// <summary>Which database this is.</summary>
    public DatabaseOptions Options { get; }

    internal Dialect Dialect { get; }

    /// <summary>Points a DbContext at this database, for <c>AddDbContext((services, options) => …)</c>.</summary>
    /// <param name="options">The context's options.</param>
    public void Configure(DbContextOptionsBuilder options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Dialect.Configure(options);
        options.AddInterceptors(GivenUpContexts.All);
    }

    internal async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = Dialect.Connect();
        try
        {
            await OpeningAsync(connection.OpenAsync(cancellationToken));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same for a DbContext's own connection.</summary>
    internal Task OpenAsync(DbContext context, CancellationToken cancellationToken) => OpeningAsync(context.Database.OpenConnectionAsync(cancellationToken));

    /// <summary>
    /// Whoever is not let in has done nothing yet that could be at fault, whatever the code: a changed password, a database in maintenance, a pool
    /// that is exhausted (SQL Server's driver says so by exceptions that are of no database).
    /// </summary>
    private async Task OpeningAsync(Task opening)
    {
        try
        {
            await opening;
        }
        catch (Exception exception) when (exception is InvalidOperationException or TimeoutException || (exception is DbException fault && Dialect.Classify(fault) is DatabaseFault.Work or DatabaseFault.Timeout))
        {
            throw new NoConnectionException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _dataSource?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>No connection was to be had; every dialect holds the database to be unavailable then.</summary>
internal sealed class NoConnectionException(string message, Exception inner) : DbException(message, inner);
