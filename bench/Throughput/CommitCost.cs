using System.Diagnostics;
using Messaging.Services;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>What one commit costs on this machine: what sharing commits gives, and so half of the ratios, depends on it.</summary>
internal static class CommitCost
{
    public const int Commits = 200;

    /// <returns>The median of the commits of one row each, on one connection, in milliseconds.</returns>
    public static async Task<double> MeasureAsync(PostgresServer postgres)
    {
        await using var database = await postgres.CreateDatabaseAsync("bench_commit");
        await using var source = NpgsqlDataSource.Create(database.ConnectionString);
        await using var connection = await source.OpenConnectionAsync();
        await using var create = new NpgsqlCommand("CREATE TABLE commits (number integer NOT NULL)", connection);
        await create.ExecuteNonQueryAsync();
        await using var insert = new NpgsqlCommand("INSERT INTO commits VALUES (1)", connection);
        await insert.PrepareAsync();
        var took = new double[Commits];
        for (var i = 0; i < Commits; i++)
        {
            var startedAt = Stopwatch.GetTimestamp();
            await insert.ExecuteNonQueryAsync();
            took[i] = Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds;
        }

        Array.Sort(took);
        return took[Commits / 2];
    }
}
