using System.Diagnostics;
using System.Net.Sockets;

namespace Messaging.Throughput;

/// <summary>What a load gave: requests per second and the latency percentiles in milliseconds.</summary>
internal readonly record struct LoadResult(double PerSecond, double Median, double P99);

/// <summary>
/// A fixed number of keep-alive connections, each sending its next request when the answer to the last one is there. One thread asks the system
/// which answers are there: HttpClient, and asynchronous sockets too, take more of the processor time that is to be measured.
/// </summary>
internal sealed class LoadGenerator(Uri server, string path, string? apiKey, int expectedStatus)
{
    private const int Connections = 64;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private int _number;

    /// <summary>Every request has a key of its own.</summary>
    public Task<LoadResult> RunAsync(int requests) =>
        Task.Factory.StartNew(() => Run(requests), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private LoadResult Run(int requests)
    {
        var last = _number + requests;
        var latencies = new List<double>(requests);
        var startedAt = Stopwatch.GetTimestamp();
        var busy = new Dictionary<Socket, LoadConnection>(Connections);
        while (busy.Count < Connections && _number < last)
        {
            var connection = LoadConnection.Open(server, path, apiKey, expectedStatus);
            busy.Add(connection.Socket, connection);
            connection.Send(++_number);
        }

        while (busy.Count > 0)
        {
            foreach (var socket in Answered(busy.Keys))
            {
                var connection = busy[socket];
                if (!connection.Receive())
                {
                    continue;
                }

                latencies.Add(connection.Elapsed.TotalMilliseconds);
                if (_number < last)
                {
                    connection.Send(++_number);
                }
                else
                {
                    busy.Remove(socket);
                    connection.Dispose();
                }
            }
        }

        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        latencies.Sort();
        return new LoadResult(latencies.Count / elapsed.TotalSeconds, latencies[latencies.Count / 2], latencies[(int)(latencies.Count * 0.99)]);
    }

    /// <exception cref="TimeoutException">The server answers nobody.</exception>
    private static List<Socket> Answered(IEnumerable<Socket> waiting)
    {
        var answered = waiting.ToList();
        Socket.Select(answered, null, null, Limit);
        return answered.Count > 0 ? answered : throw new TimeoutException($"No answer within {Limit.TotalSeconds:0} s.");
    }
}
