using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Throughput;

/// <summary>
/// Fifty orders a second on an idle system: from when the request was due to the commit of its effect, seen from another connection. A request
/// is due every twentieth millisecond from the first, whatever became of those before it; that it was sent late counts.
/// </summary>
internal sealed class LatencyRun(Arena arena)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(1);

    public async Task RunAsync()
    {
        await using var ground = await arena.PrepareAsync(Broker.Quorum, 0);
        var settings = HttpRun.Settings(ground);
        await using var publisher = ServiceProcess.Start(new ServiceOptions("Publisher", settings));
        await using var consumer = ServiceProcess.Start(new ServiceOptions("Consumer", settings));
        await Task.WhenAll(publisher.WaitUntilReadyAsync(), consumer.WaitUntilReadyAsync());
        publisher.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", HttpRun.ApiKey);
        var count = arena.Options.Quick ? 50 : 500;
        await MeasureAsync(publisher.Http, ground, "warm", count);
        var latencies = await MeasureAsync(publisher.Http, ground, "order", count);
        Array.Sort(latencies);
        arena.Report.Add("latency median", "ms", latencies[latencies.Length / 2]);
        arena.Report.Add("latency p99", "ms", latencies[(int)(latencies.Length * 0.99)]);
        await Eventually.Equal(0L, () => ground.CountAsync("SELECT count(*) FROM outgoing_messages"));
        await ground.RequireExactlyOnceAsync([.. Enumerable.Range(0, count).SelectMany(n => (string[])[KeyOf("warm", n), KeyOf("order", n)])]);
    }

    private static async Task<double[]> MeasureAsync(HttpClient http, Ground ground, string prefix, int count)
    {
        var orders = new List<Task<double>>();
        var startedAt = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            var dueAt = startedAt + (long)(i * Interval.TotalSeconds * Stopwatch.Frequency);
            while (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), dueAt) is { Ticks: > 0 } early)
            {
                // A delay is cut to whole milliseconds: none is sent early.
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(early.TotalMilliseconds)), TimeProvider.System);
            }

            orders.Add(SubmitAsync(http, ground, KeyOf(prefix, i), dueAt));
        }

        return await Task.WhenAll(orders);
    }

    private static string KeyOf(string prefix, int number) => $"{prefix}-{number}";

    private static async Task<double> SubmitAsync(HttpClient http, Ground ground, string key, long dueAt)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent("""{"item":"book","quantity":1}""", Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        using var answer = await http.SendAsync(request);
        if (answer.StatusCode != HttpStatusCode.Accepted)
        {
            throw new InvalidOperationException($"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
        }

        await using var command = ground.DataSource.CreateCommand("SELECT 1 FROM inbox WHERE key_digest = $1");
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = new ScopedKey(Orders.Client, "submit-order", key).ToDigest() });
        using var timer = new PeriodicTimer(LookInterval);
        while (await command.ExecuteScalarAsync() is null)
        {
            await timer.WaitForNextTickAsync();
        }

        return Stopwatch.GetElapsedTime(dueAt).TotalMilliseconds;
    }
}
