using System.Collections.Concurrent;
using System.Diagnostics;
using CsCheck;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Data.Sqlite;

namespace Messaging.Database;

/// <summary>
/// Random sequences of everything that happens to a message, done by the real engine, then compared with a dictionary. Every run
/// prints its seeds; <c>CsCheck_Seed=… ./test database --filter ModelTests</c> begins with that sequence.
/// </summary>
public sealed class ModelTests(SharedServers servers)
{
    private static readonly Gen<Step[]> Sequences = Step.Any.Array[2500, 3500];

    /// <summary>What is tested here is no disk: where there is memory that is a folder, nothing waits for one.</summary>
    private static string Memory => Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    [Fact]
    public async Task On_SQLite_the_invariants_hold_after_100_000_random_steps()
    {
        await using var template = await EmptyDatabase.CreateAsync(servers, DatabaseProvider.Sqlite);
        await Engine.MigrateAsync(DatabaseProvider.Sqlite, template.ConnectionString);
        var file = new SqliteConnectionStringBuilder(template.ConnectionString).DataSource;
        using (var connection = new SqliteConnection(template.ConnectionString))
        {
            SqliteConnection.ClearPool(connection);
        }

        await CheckAsync(iterations: 44, leastSteps: 100_000, DatabaseProvider.Sqlite, () =>
        {
            var copy = EmptyDatabase.InFolder(Directory.CreateDirectory(Path.Combine(Memory, $"messaging-model-{Guid.CreateVersion7()}")).FullName);
            File.Copy(file, new SqliteConnectionStringBuilder(copy.ConnectionString).DataSource);
            return Task.FromResult(copy);
        });
    }

    [Fact]
    public Task On_PostgreSQL_they_hold_after_3_000() =>
        CheckAsync(iterations: 2, leastSteps: 3_000, DatabaseProvider.PostgreSql, () => EmptyDatabase.CreateMigratedAsync(servers, DatabaseProvider.PostgreSql));

    private static async Task CheckAsync(int iterations, long leastSteps, DatabaseProvider provider, Func<Task<EmptyDatabase>> create)
    {
        var (worlds, seeds, watch) = (new ConcurrentQueue<World>(), new ConcurrentQueue<string>(), Stopwatch.StartNew());
        // Each sequence by a seed of its own, so that every one can be named and run again, also one that was good.
        await Parallel.ForEachAsync(Enumerable.Range(0, iterations), new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (i, _) =>
        {
            var seed = (i == 0 ? Environment.GetEnvironmentVariable("CsCheck_Seed") : null) ?? Gen.Seed.Single();
            await Sequences.SampleAsync(async steps =>
            {
                await using var database = await create();
                await using var world = new World(provider, database.ConnectionString);
                var violations = await world.RunAsync(steps);
                Assert.True(violations.Count == 0, string.Join(Environment.NewLine, violations.Take(20)));
                worlds.Enqueue(world);
            }, seed: seed, iter: 1, threads: 1, print: steps => string.Join(' ', steps));
            seeds.Enqueue(seed);
        });

        var (done, crashes, forgotten, republished) = (worlds.Sum(w => (long)w.Done), worlds.Sum(w => w.Crashes), worlds.Sum(w => w.Forgotten), worlds.Sum(w => w.Republished));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{done:N0} steps in {iterations} sequences on {provider}, {watch.Elapsed.TotalSeconds:0} s: {crashes} crashes, {forgotten} keys forgotten, {republished} messages published again; seeds {string.Join(' ', seeds)}");
        Assert.InRange(done, leastSteps, long.MaxValue);
        // Steps that never did what they are for would leave nothing to find.
        Assert.True(crashes > 0 && forgotten > 0 && republished > 0, $"{crashes} crashes, {forgotten} keys forgotten, {republished} messages published again");
    }
}
