using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Messaging.Transactional;

/// <summary>
/// EF Core's history of the engine's own migrations, and which of them a database lacks. Read without EF Core's models: a publisher has no
/// other use for them, and making them took more than a third of its start.
/// </summary>
internal static class SchemaHistoryTable
{
    /// <summary>The ids of those that were applied, from EF Core's history.</summary>
    public const string Applied = $"SELECT \"MigrationId\" FROM {SchemaContext.HistoryTable}";

    /// <summary>In the order in which they are to be applied; all of them where there is no database yet. None is made by looking.</summary>
    public static async Task<IReadOnlyList<string>> FindPendingAsync(Database database, CancellationToken cancellationToken)
    {
        var applied = await FindAppliedAsync(database, cancellationToken);
        return [.. Of(SchemaContext.TypeOf(database.Options.Provider)).Where(id => !applied.Contains(id))];
    }

    private static async Task<HashSet<string>> FindAppliedAsync(Database database, CancellationToken cancellationToken)
    {
        var applied = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        if (!database.Dialect.MayExist)
        {
            return applied;
        }

        try
        {
            await using var connection = await database.OpenAsync(cancellationToken);
            await using var count = connection.CreateCommand();
            count.CommandText = database.Dialect.CountTables;
            Dialect.Add(count, "@table", SchemaContext.HistoryTable);
            if (Convert.ToInt64(await count.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture) > 0)
            {
                await using var command = connection.CreateCommand();
                command.CommandText = Applied;
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    applied.Add(reader.GetString(0));
                }
            }

            return applied;
        }
        catch (DbException exception) when (database.Dialect.IsNoDatabase(exception))
        {
            return applied;
        }
    }

    private static IEnumerable<string> Of(Type context) => typeof(SchemaHistoryTable).Assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<DbContextAttribute>()?.ContextType == context)
        .Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id)
        .OfType<string>()
        .Order(StringComparer.OrdinalIgnoreCase);
}
