using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Messaging.Contracts;
using Messaging.Services;

namespace Messaging.Throughput;

/// <summary>
/// Sixty-four keep-alive connections submit orders; afterwards each key has one submission, and each submission one row that waits to be sent or
/// one message in the queue.
/// </summary>
internal sealed class HttpRun(Arena arena)
{
    public const string ApiKey = "msg_bench-bench-bench-bench-bench-bench-bench1";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Through the index, whose entries of deleted rows are skipped from the second look on.</summary>
    private const string Waiting = "SELECT count(*) FROM (SELECT 1 FROM outgoing_messages ORDER BY id LIMIT 1) AS first";

    private int Requests => arena.Options.Messages;

    /// <summary>
    /// Everything on: authentication, validation, fingerprint, stored acceptance. What accepting is compared with dispatches nothing;
    /// so the broker is away here too, unless the dispatcher is to be at work behind it, and everything waits for it.
    /// Then there is a second figure, of the time until no message waits any more: the slower of both is the one to judge.
    /// </summary>
    public async Task RunOursAsync(string name, bool dispatching)
    {
        await using var ground = await arena.PrepareAsync(Broker.Quorum, Requests);
        var settings = Settings(ground);
        if (!dispatching)
        {
            settings["ConnectionStrings__RabbitMq"] = $"amqp://127.0.0.1:{FreePort.Next()}/";
        }

        await using var publisher = await ServiceProcess.StartReadyAsync(new ServiceOptions("Publisher", settings));
        var load = new LoadGenerator(publisher.Http.BaseAddress!, "/api/orders", ApiKey, (int)HttpStatusCode.Accepted);
        await load.RunAsync(Requests);
        if (dispatching)
        {
            await UntilPublishedAsync(ground);
        }

        var startedAt = Stopwatch.GetTimestamp();
        Report(name, await load.RunAsync(Requests));
        if (dispatching)
        {
            await UntilPublishedAsync(ground);
            arena.Report.Add(name + " until published", "requests/s", Requests / Stopwatch.GetElapsedTime(startedAt).TotalSeconds);
        }

        await VerifyAsync(ground, 2 * Requests, published: dispatching);
    }

    private static async Task VerifyAsync(Ground ground, int requests, bool published)
    {
        await ground.RequireKeysAsync([.. Enumerable.Range(1, requests).Select(LoadConnection.KeyOf)], "SELECT idempotency_key FROM submissions");
        await ground.RequireAsync(published ? 0 : requests, "SELECT count(*) FROM outgoing_messages");
        if (published)
        {
            await ground.RequireMessagesAsync(SubmitOrder.Queue, await ground.ReadAsync("SELECT id FROM submissions"), message => message.BasicProperties.MessageId);
        }
        else
        {
            // As many of both: so none is lost for one that is doubled.
            await ground.RequireAsync(requests, "SELECT count(*) FROM submissions JOIN outgoing_messages USING (id, client, idempotency_key)");
            await ground.RequireQueuedAsync(SubmitOrder.Queue, 0);
        }
    }

    private static async Task UntilPublishedAsync(Ground ground)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (await ground.CountAsync(Waiting) > 0)
        {
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }

    /// <param name="contender">serve-empty, serve-single, serve-single-tuned, serve-single-by-hand or serve-single-publish.</param>
    /// <param name="name">Its name in the table.</param>
    /// <param name="share">A slow contender gets this fraction of the requests.</param>
    public async Task CompareAsync(string contender, string name, int share)
    {
        await using var ground = await arena.PrepareAsync(Broker.Quorum, Requests);
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}/");
        var environment = ground.Work.ToEnvironment();
        environment["ASPNETCORE_URLS"] = address.ToString();
        await using var server = Arena.Start(contender, environment);
        using var http = new HttpClient { BaseAddress = address };
        await Eventually.Succeeds(() => http.GetAsync(new Uri("/", UriKind.Relative)), Limit, "a first answer");
        var load = new LoadGenerator(address, "/api/orders", ApiKey, (int)HttpStatusCode.Accepted);
        var requests = Requests / share;
        await load.RunAsync(requests);
        Report(name, await load.RunAsync(requests));
        await VerifyAsync(ground, contender == "serve-empty" ? 0 : 2 * requests, published: contender == "serve-single-publish");
    }

    /// <summary>The limits per client are lifted: here all load comes from one.</summary>
    public static Dictionary<string, string?> Settings(Ground ground)
    {
        var settings = ground.Work.ToEnvironment();
        settings["Clients__bench__Keys__0"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ApiKey)));
        foreach (var limit in (string[])["RequestsPerSecond", "RequestBurst", "NewKeysPerSecond", "NewKeyBurst"])
        {
            settings["Limits__" + limit] = "1000000";
        }

        return settings;
    }

    private void Report(string name, LoadResult result)
    {
        arena.Report.Add(name, "requests/s", result.PerSecond);
        arena.Report.Add(name + " p50", "ms", result.Median);
        arena.Report.Add(name + " p99", "ms", result.P99);
    }
}
