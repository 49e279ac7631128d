using System.Globalization;
using System.Reflection;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Messaging.Transactional;

/// <summary>
/// Which of the engine's own migrations a database lacks, read without EF Core's models: a publisher has no other use for them, and making
/// them took more than a third of its start.
/// </summary>
internal static class EngineMigrations
{
    /// <summary>The ids of those that were applied, from EF Core's history.</summary>
    public const string Applied = $"SELECT \"{IdColumn}\" FROM {SchemaContext.HistoryTable}";

    private const string IdColumn = "MigrationId";

    /// <summary>In the order in which they are to be applied.</summary>
    public static async Task<IReadOnlyList<string>> FindPendingAsync(Database database, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var applied = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        await using var history = connection.CreateCommand();
        history.CommandText = database.Dialect.CountUniqueIndexes;
        Dialect.Add(history, "@table", SchemaContext.HistoryTable);
        Dialect.Add(history, "@column", IdColumn);
        if (Convert.ToInt64(await history.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture) > 0)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Applied;
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                applied.Add(reader.GetString(0));
            }
        }

        return [.. Of(SchemaContext.TypeOf(database.Options.Provider)).Where(id => !applied.Contains(id))];
    }

    private static IEnumerable<string> Of(Type context) => typeof(EngineMigrations).Assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<DbContextAttribute>()?.ContextType == context)
        .Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id)
        .OfType<string>()
        .Order(StringComparer.OrdinalIgnoreCase);
}
