using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Messaging.Services;

/// <summary>
/// Waits for a fact, with a limit, and says what it last saw when the limit runs out.
/// An observation that throws counts as "not yet": the thing observed may be restarting.
/// </summary>
public static class Eventually
{
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    public static Task<T> Equal<T>(
        T expected, Func<Task<T>> observe, TimeSpan? limit = null, [CallerArgumentExpression(nameof(observe))] string what = "")
        => Satisfies(observe, value => EqualityComparer<T>.Default.Equals(value, expected), limit, $"{what} to be {expected}");

    public static Task True(
        Func<Task<bool>> observe, TimeSpan? limit = null, [CallerArgumentExpression(nameof(observe))] string what = "")
        => Satisfies(observe, value => value, limit, what);

    public static Task True(
        Func<bool> observe, TimeSpan? limit = null, [CallerArgumentExpression(nameof(observe))] string what = "")
        => Satisfies(() => Task.FromResult(observe()), value => value, limit, what);

    /// <summary>Waits until nothing is thrown: for a server that is coming up.</summary>
    public static Task Succeeds(
        Func<Task> attempt, TimeSpan? limit = null, [CallerArgumentExpression(nameof(attempt))] string what = "")
        => Satisfies(
            async () =>
            {
                await attempt();
                return true;
            },
            value => value,
            limit,
            $"{what} to succeed");

    public static async Task<T> Satisfies<T>(
        Func<Task<T>> observe, Func<T, bool> fact, TimeSpan? limit = null, [CallerArgumentExpression(nameof(fact))] string what = "")
    {
        var patience = limit ?? DefaultLimit;
        var cancellation = TestContext.Current.CancellationToken;
        var watch = Stopwatch.StartNew();
        var pause = FirstPause;

        while (true)
        {
            var (value, lastSeen) = await ObserveAsync(observe, cancellation);
            if (value is { } seen && fact(seen.Value))
            {
                return seen.Value;
            }

            if (watch.Elapsed >= patience)
            {
                Assert.Fail($"Waited {patience.TotalSeconds:0.#} s for {what}. Last seen: {lastSeen}");
            }

            await Task.Delay(pause, TimeProvider.System, cancellation);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
    }

    private static async Task<(Seen<T>? Value, string LastSeen)> ObserveAsync<T>(Func<Task<T>> observe, CancellationToken cancellation)
    {
        try
        {
            var value = await observe();
            return (new Seen<T>(value), value?.ToString() ?? "null");
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            return (null, $"{exception.GetType().Name}: {exception.Message}");
        }
    }

    private readonly record struct Seen<T>(T Value);
}
