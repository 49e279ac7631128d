using System.Net;
using System.Net.Http.Headers;
using System.Text;
using MassTransit;
using Messaging.Transactional;
using Spectre.Console;

namespace Messaging.Standalone;

/// <summary>
/// Submits orders over real HTTP, each three times. Most come once at first, and are timed until they have taken effect; the rest come
/// twice, partly at the same moment, while the consuming side is stopped and started. Then everything comes again, and every message
/// is delivered once more, as by a broker that replays its backlog. The verdict is computed from the database.
/// </summary>
internal sealed class Demo : IDisposable
{
    private const int Callers = 256;
    private const int RequestsPerOrder = 3;

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan OutcomeLimit = TimeSpan.FromMinutes(5);

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _http;
    private readonly Uri _address;
    private readonly int _orders;
    private readonly int _warm;
    private readonly int _single;
    private double _perSecond;
    private int _requests;
    private int _replays;

    private Demo(WebApplication app, int orders)
    {
        (_app, _orders, _warm, _single) = (app, orders, orders / 5, orders - (orders / 5));
        // A plain client: what it does beside sending is taken from the service, with which it shares the cores.
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = Callers, UseCookies = false, UseProxy = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null,
        });
        _address = new Uri(new Uri(StandaloneHost.AddressOf(app)), "/api/orders");
    }

    public static async Task<int> RunAsync(string folder, int orders, CancellationToken cancellationToken)
    {
        folder = Path.Combine(folder, $"demo-{Guid.CreateVersion7():N}");
        await using var owner = await StandaloneHost.TryTakeAsync(folder);
        if (owner is null)
        {
            return 1;
        }

        await using var app = StandaloneHost.Build(folder, "http://127.0.0.1:0", LogLevel.Error);
        await app.Services.GetRequiredService<Schema>().MigrateAsync(cancellationToken);
        await app.StartAsync(cancellationToken);
        using var demo = new Demo(app, orders);
        var started = TimeProvider.System.GetTimestamp();
        await AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(progress => demo.SubmitAsync(progress, cancellationToken));
        var verdict = await demo.JudgeAsync(cancellationToken);
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        await app.StopAsync(cancellationToken);

        Console.WriteLine($"{demo._perSecond:F0} orders/s accepted and processed ({demo._single - demo._warm} orders after a warm-up, one request each); all {orders}, {RequestsPerOrder} requests each, in {seconds:F1} s.");
        Console.WriteLine(verdict);
        if (verdict.IsGood)
        {
            await owner.DisposeAsync();
            Directory.Delete(folder, recursive: true);
            return 0;
        }

        await Console.Error.WriteLineAsync($"The guarantee was broken. The database is kept: {StandaloneHost.DatabaseFile(folder)}");
        return 1;
    }

    public void Dispose() => _http.Dispose();

    private async Task SubmitAsync(ProgressContext progress, CancellationToken cancellationToken)
    {
        var first = progress.AddTask("submitted, and took effect", maxValue: _single);
        var twice = progress.AddTask("submitted twice around a restart", maxValue: _orders - _single);
        var again = progress.AddTask("submitted again", maxValue: (2 * _single) + _orders - _single);
        var effects = progress.AddTask("took effect", maxValue: _orders);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = cancellationToken };

        await Parallel.ForAsync(0, _warm, options, SubmitOnceAsync);
        await WaitForEffectsAsync(first, _warm, cancellationToken);
        var started = TimeProvider.System.GetTimestamp();
        await Parallel.ForAsync(_warm, _single, options, SubmitOnceAsync);
        await WaitForEffectsAsync(first, _single, cancellationToken);
        _perSecond = (_single - _warm) / TimeProvider.System.GetElapsedTime(started).TotalSeconds;

        // The consuming side goes away with messages in flight; orders are accepted all the same.
        var bus = _app.Services.GetRequiredService<IBusControl>();
        var middle = (_single + _orders) / 2;
        await Parallel.ForAsync(_single, middle, options, async (i, ct) => twice.Increment(await SubmitTwiceAsync(i, ct)));
        await bus.StopAsync(cancellationToken);
        await Parallel.ForAsync(middle, _orders, options, async (i, ct) => twice.Increment(await SubmitTwiceAsync(i, ct)));
        await bus.StartAsync(cancellationToken);

        var reconciler = _app.Services.GetRequiredService<Reconciler>();
        await reconciler.RepublishEverythingAsync(cancellationToken);
        await Parallel.ForAsync(0, _single, options, async (i, ct) => again.Increment(2 * await SubmitTwiceAsync(i, ct)));
        await Parallel.ForAsync(_single, _orders, options, async (i, ct) =>
        {
            await SubmitOnceAsync(i, ct);
            again.Increment(1);
        });
        await WaitForEffectsAsync(effects, _orders, cancellationToken);
        await ReplayAsync(reconciler, cancellationToken);
    }

    /// <summary>Every other order comes twice at the same moment.</summary>
    private async Task<int> SubmitTwiceAsync(int order, CancellationToken cancellationToken)
    {
        if (order % 2 == 0)
        {
            await Task.WhenAll(SubmitOnceAsync(order, cancellationToken).AsTask(), SubmitOnceAsync(order, cancellationToken).AsTask());
        }
        else
        {
            await SubmitOnceAsync(order, cancellationToken);
            await SubmitOnceAsync(order, cancellationToken);
        }

        return 1;
    }

    private async ValueTask SubmitOnceAsync(int order, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes($$"""{"item":"book","quantity":{{1 + (order % 9)}}}""")) { Headers = { ContentType = Json } };
        using var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = content };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", $"demo-{order}");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit);
        using var response = await _http.SendAsync(request, limit.Token);
        if (response.StatusCode != HttpStatusCode.Accepted)
        {
            throw new HttpRequestException($"Order {order} got {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }

        await response.Content.CopyToAsync(Stream.Null, limit.Token);

        Interlocked.Increment(ref _requests);
        if (response.Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Contains("true"))
        {
            Interlocked.Increment(ref _replays);
        }
    }

    private async Task WaitForEffectsAsync(ProgressTask effects, int awaited, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(OutcomeLimit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        do
        {
            effects.Value = await DemoVerdict.CountOutcomesAsync(_app.Services, limit.Token);
        }
        while (effects.Value < awaited && await timer.WaitForNextTickAsync(limit.Token));
    }

    /// <summary>Delivers every message once more and waits until each delivery has been settled.</summary>
    private static async Task ReplayAsync(Reconciler reconciler, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(OutcomeLimit);
        using var settled = new SettledDeliveries();
        var replayed = await reconciler.ReplayAsync(limit.Token);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (settled.Count < replayed)
        {
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }

    private Task<DemoVerdict> JudgeAsync(CancellationToken cancellationToken) =>
        DemoVerdict.ComputeAsync(_app.Services, _requests, _replays, cancellationToken);
}
