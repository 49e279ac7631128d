using System.Net;
using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>A publisher whose PostgreSQL the test may stop.</summary>
public sealed class DatabaseDownTests
{
    [Fact]
    public async Task E3_with_the_database_down_nothing_is_accepted_and_the_same_key_runs_afterwards()
    {
        await using var server = await SharedServers.OwnPostgresAsync();
        await using var front = new OwnPostgresFront(server);
        await front.InitializeAsync();
        var before = await front.OrderAsync(Front.NewKey());
        await server.StopAsync();

        var key = Front.NewKey();
        Assert.NotEmpty((await front.OrderAsync(key)).MustBe(HttpStatusCode.ServiceUnavailable, "unavailable")["Retry-After"]);
        Assert.NotEmpty((await front.GetAsync(before["Location"])).MustBe(HttpStatusCode.ServiceUnavailable, "unavailable")["Retry-After"]);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await front.GetAsync("health/ready", null)).Status);
        Assert.Equal(HttpStatusCode.OK, (await front.GetAsync("health/live", null)).Status);

        await server.StartAsync();
        var after = await Eventually.Satisfies(() => front.OrderAsync(key), answer => answer.Status == HttpStatusCode.Accepted);
        Assert.Equal("", after["Idempotent-Replayed"]);
        Assert.Equal(1, await front.CountAsync("submissions", $"idempotency_key = '{key}'"));
    }

    [Fact]
    public async Task E3_callers_of_a_database_that_stands_still_are_bounded_and_each_is_told_so_in_time()
    {
        const int callers = 200;
        await using var server = await SharedServers.OwnPostgresAsync();
        await using var front = new OwnPostgresFront(server);
        await front.InitializeAsync();
        var keys = Enumerable.Range(0, callers).Select(_ => Front.NewKey()).ToList();

        await server.PauseAsync();
        try
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            var answers = await Task.WhenAll(keys.Select(key => front.OrderAsync(key)));
            Assert.All(answers, answer => Assert.NotEmpty(answer.MustBe(HttpStatusCode.ServiceUnavailable, "unavailable")["Retry-After"]));
            await front.Service.Output.WaitForLineAsync($"More than {OwnPostgresFront.MaxWaiting} requests wait for the database", Eventually.DefaultLimit);
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        }
        finally
        {
            await server.ResumeAsync();
        }

        // Whichever of them were being committed are found by their keys; the others run now.
        foreach (var some in keys.Chunk(callers / 10))
        {
            await Eventually.True(async () => (await Task.WhenAll(some.Select(key => front.OrderAsync(key)))).All(answer => answer.Status == HttpStatusCode.Accepted));
        }

        Assert.Equal(callers, await front.CountAsync("submissions"));
    }

    [Fact]
    public async Task P4_a_request_waits_for_an_uncommitted_twin_and_then_says_409()
    {
        await using var server = await SharedServers.OwnPostgresAsync();
        await using var front = new OwnPostgresFront(server);
        await front.InitializeAsync();
        var key = Front.NewKey();
        // On a busy machine a commit may take longer than the little that is allowed here.
        var first = await Eventually.Satisfies(() => front.OrderAsync(key), answer => answer.Status == HttpStatusCode.Accepted);

        await using (var connection = (NpgsqlConnection)await front.ConnectAsync())
        {
            // Whoever deletes the row has not committed: for others it is undecided whether the key is taken.
            await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var delete = new NpgsqlCommand($"DELETE FROM submissions WHERE idempotency_key = '{key}'", connection, transaction);
            await delete.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            Assert.NotEmpty((await front.OrderAsync(key)).MustBe(HttpStatusCode.Conflict, "idempotency-in-flight")["Retry-After"]);

            var waiting = front.OrderAsync(key);
            await transaction.RollbackAsync(TestContext.Current.CancellationToken);
            Assert.Equal(first.Body, (await waiting).MustBe(HttpStatusCode.Accepted).Body);
        }
    }

    private sealed class OwnPostgresFront(PostgresServer server) : Front
    {
        public const string MaxWaiting = "50";

        public override IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
        {
            ["Accept__InFlightWaitMilliseconds"] = "500", ["Accept__TimeoutMilliseconds"] = "3000", ["Accept__MaxWaiting"] = MaxWaiting,
        };

        protected override string Provider => "PostgreSql";

        protected override async Task<string> CreateDatabaseAsync() => (await server.CreateDatabaseAsync("front")).ConnectionString;
    }
}
