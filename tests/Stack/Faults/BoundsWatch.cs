using System.Diagnostics;
using System.Globalization;
using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>Looks again and again at how many connections to PostgreSQL a service has and how much memory it holds, and keeps the most of each.</summary>
internal sealed class BoundsWatch : IAsyncDisposable
{
    /// <summary>What the service's connection string must name it.</summary>
    public const string Application = "bounded";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private int _looks;
    private long _connections;
    private long _bytes;

    public BoundsWatch(Deployment deployment, ServiceProcess service) => _watching = WatchAsync(deployment.ConnectionString, service.Id);

    public void MustBeWithin(long connections, long megaBytes)
    {
        var seen = string.Create(CultureInfo.InvariantCulture, $"{_looks} looks: {_connections} connections and {_bytes >> 20} MB at most");
        TestContext.Current.TestOutputHelper?.WriteLine(seen);
        Assert.True(_looks > 1 && _connections > 0 && _connections <= connections && _bytes >> 20 <= megaBytes, seen);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync(string connectionString, int service)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync(_stop.Token);
            await using var count = new NpgsqlCommand($"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{Application}'", connection);
            using var timer = new PeriodicTimer(Interval);
            do
            {
                _connections = Math.Max(_connections, (long)(await count.ExecuteScalarAsync(_stop.Token))!);
                using var process = Process.GetProcessById(service);
                _bytes = Math.Max(_bytes, process.WorkingSet64);
                _looks++;
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Seen enough.
        }
    }
}
