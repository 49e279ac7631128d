using System.Collections.Concurrent;
using System.Text.Json;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>
/// A message that kills its process. What a dead process leaves behind is made here by the statement that it died after; the process
/// that really dies is in Row15 of tests/Stack/Faults.
/// </summary>
public abstract class FatalMessageContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    private const int Bound = 5;

    [Fact]
    public async Task Row15_a_message_that_processes_died_of_is_parked_at_the_bound_without_being_run_and_its_neighbours_take_effect()
    {
        var engine = await StartEngineAsync();
        await DieAsync(engine, "fatal", Bound);

        await engine.ProcessAsync(Probe.Operation, Enumerable.Range(0, 20).Select(i => Redelivered($"key-{i}")).Prepend(Redelivered("fatal", "kill")));

        Assert.Equal(0, engine.Script.Runs("kill"));
        var row = Assert.Single(await Tables.RowsAsync("SELECT idempotency_key, reason, error FROM parked_messages"));
        Assert.Equal(["fatal", ParkingReason.Poison], row[..2].Cast<string>());
        Assert.Contains("died in each of the 5 attempts", (string)row[2]!, StringComparison.Ordinal);
        Assert.Equal(20, await Tables.CountAsync("orders"));
        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
        await Tables.AssertAtomicAsync();
    }

    [Fact]
    public async Task One_death_fewer_and_it_runs()
    {
        var engine = await StartEngineAsync();
        await DieAsync(engine, "k", Bound - 1);

        await engine.ProcessAsync(Probe.Operation, Redelivered("k"));

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 1)]
    public async Task While_it_runs_the_attempt_is_on_record_and_a_process_that_survives_takes_it_back(long deliveries, long recorded)
    {
        var seen = new ConcurrentQueue<long>();
        var engine = await StartEngineAsync(s => s.Script.On("look", async (run, _) =>
        {
            seen.Enqueue(await Tables.CountAsync("fatal_attempts", "attempts = 1"));
            if (run == 1)
            {
                throw new InvalidOperationException("a failure is no death");
            }
        }));

        await engine.ProcessAsync(Probe.Operation, Redelivered("k", "look", deliveries));

        Assert.Equal([recorded, recorded], seen);
        Assert.Equal(1, await Tables.EffectsAsync("k"));
        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
    }

    [Fact]
    public async Task A_message_that_took_effect_before_its_processes_died_is_a_duplicate()
    {
        var engine = await StartEngineAsync();
        await engine.ProcessAsync(Probe.Operation, Message.OfProbe("k"));
        await DieAsync(engine, "k", Bound + 1);

        await engine.ProcessAsync(Probe.Operation, Redelivered("k"));

        Assert.Equal(1, await Tables.EffectsAsync("k"));
        Assert.Equal(0, await Tables.CountAsync("parked_messages"));
        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
    }

    [Fact]
    public async Task Suspects_run_one_at_a_time_and_whoever_is_accused_lets_the_others_go_first()
    {
        var order = new ConcurrentQueue<string>();
        var (running, most) = (0, 0);
        var engine = await StartEngineAsync(s =>
        {
            s.With("Inbox:RetryDelayMilliseconds", 2000);
            foreach (var word in (string[])["accused", "other"])
            {
                s.Script.On(word, async (_, _) =>
                {
                    most = Math.Max(most, Interlocked.Increment(ref running));
                    order.Enqueue(word);
                    await Task.Yield();
                    Interlocked.Decrement(ref running);
                });
            }
        });
        await DieAsync(engine, "accused", 1);

        await engine.ProcessAsync(Probe.Operation, Enumerable.Range(0, 10).Select(i => Redelivered($"key-{i}", "other")).Prepend(Redelivered("accused", "accused")));

        Assert.Equal(1, most);
        Assert.Equal([.. Enumerable.Repeat("other", 10), "accused"], order);
    }

    [Fact]
    public async Task What_is_on_record_of_a_message_that_never_came_again_is_forgotten_with_its_horizon()
    {
        var time = new ShiftedTime();
        var engine = await StartEngineAsync(s => s.Services.AddSingleton<TimeProvider>(time));
        await DieAsync(engine, "k", 1);

        await engine.Retention.RunOnceAsync(Cancelled);
        Assert.Equal(1, await Tables.CountAsync("fatal_attempts"));
        time.Advance(TimeSpan.FromHours(168 + 3));
        await engine.Retention.RunOnceAsync(Cancelled);

        await Eventually.Equal(0, () => Tables.CountAsync("fatal_attempts"));
    }

    private static Delivery Redelivered(string key, string word = "nothing", long deliveries = 9) =>
        Message.Of("probes", key, JsonSerializer.SerializeToUtf8Bytes(new Probe(word), JsonSerializerOptions.Web), deliveryCount: deliveries);

    private static async Task DieAsync(Engine engine, string key, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await engine.Services.GetRequiredService<FatalAttempts>().BeginAsync(new ScopedKey(Message.Client, Probe.Operation, key).ToDigest(), Cancelled);
        }
    }
}

public sealed class FatalMessagesOnSqlite(SharedServers servers) : FatalMessageContract(servers, DatabaseProvider.Sqlite);

public sealed class FatalMessagesOnPostgreSql(SharedServers servers) : FatalMessageContract(servers, DatabaseProvider.PostgreSql);

public sealed class FatalMessagesOnSqlServer(SharedServers servers) : FatalMessageContract(servers, DatabaseProvider.SqlServer);
