using System.Globalization;
using System.Text.RegularExpressions;
using Messaging.Services;

namespace Messaging.Throughput;

/// <summary>Standalone's demo, over HTTP and a message queue, beside a loop that only writes to the same disk.</summary>
internal sealed partial class SqliteRun(Arena arena)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>The demo of the README is of 10,000.</summary>
    private int Orders => Math.Min(arena.Options.Messages, 10_000);

    public async Task RunDemoAsync()
    {
        using var folder = new TemporaryFolder();
        var (code, output) = await ServiceProcess.RunAsync(
            new ServiceOptions("Standalone", new Dictionary<string, string?>())
            {
                Arguments = ["--data", folder.Path, "--demo", Orders.ToString(CultureInfo.InvariantCulture)],
            }, Limit);
        var rate = PerSecond().Match(output);
        if (code != 0 || !rate.Success)
        {
            throw new InvalidOperationException($"The demo ended with {code}:\n{output}");
        }

        arena.Report.Add("sqlite demo", "orders/s", double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    public async Task RunLoopAsync()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "loop.db");
        arena.Report.Add("sqlite loop", "orders/s", await arena.RunAsync("sqlite-loop", new Assignment(file, new Uri("amqp://nowhere"), "none", Orders)));
    }

    [GeneratedRegex(@"^(\d+) orders/s accepted and processed", RegexOptions.Multiline)]
    private static partial Regex PerSecond();

    /// <summary>Beside the results: on the disk of the checkout, not in a temporary folder that may be memory.</summary>
    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateDirectory(System.IO.Path.Combine(Repository.Root, "artifacts", $"bench-{Guid.CreateVersion7():N}")).FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
