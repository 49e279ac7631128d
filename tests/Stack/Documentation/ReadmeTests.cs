using System.Text.RegularExpressions;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The README's samples, pasted into a shell one after the other, against the service that its first command starts.</summary>
public sealed partial class ReadmeTests
{
    private const string DocumentedAddress = "http://localhost:5080";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Each_curl_of_the_readme_gets_the_answer_that_the_readme_shows()
    {
        var samples = Samples(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), TestContext.Current.CancellationToken)).ToList();
        Assert.Equal(4, samples.Count);
        using var folder = new TestFolder();
        await using var service = await ServiceProcess.StartReadyAsync(
            new ServiceOptions("Standalone", new Dictionary<string, string?>()) { Arguments = ["--data", folder.Path] });

        foreach (var (command, shown) in samples)
        {
            var printed = await PasteAsync(command, service);

            AssertShown(shown, printed, command);
        }

        var again = await PasteAsync(samples[0].Command, service);
        Assert.Contains("Idempotent-Replayed: true", again, StringComparison.Ordinal);
        AssertShown(samples[0].Shown, again, samples[0].Command);
    }

    [Fact]
    public async Task Standalone_prints_the_curl_of_the_readme()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), TestContext.Current.CancellationToken);
        using var folder = new TestFolder();
        await using var service = await ServiceProcess.StartReadyAsync(
            new ServiceOptions("Standalone", new Dictionary<string, string?>()) { Arguments = ["--data", folder.Path] });

        var printed = await service.Output.WaitForLineAsync("curl", Limit);

        Assert.Contains(printed.Trim().Replace(Address(service), DocumentedAddress, StringComparison.Ordinal), readme, StringComparison.Ordinal);
    }

    /// <summary>A fence of <c>sh</c>, and the fence of <c>http</c> or <c>json</c> below it.</summary>
    private static IEnumerable<(string Command, string Shown)> Samples(string readme) =>
        Sample().Matches(readme.ReplaceLineEndings("\n")).Select(match => (match.Groups[1].Value, match.Groups[2].Value));

    private static async Task<string> PasteAsync(string command, ServiceProcess service)
    {
        var script = "exec 2>/dev/null\n" + command.Replace(DocumentedAddress, Address(service), StringComparison.Ordinal);
        await using var shell = ChildProcess.Start("bash", ["-c", script]);
        Assert.Equal(0, await shell.WaitForExitAsync(Limit));
        await Eventually.True(() => shell.Output.HasEnded);
        return shell.Output.ToString();
    }

    private static string Address(ServiceProcess service) => service.Http.BaseAddress!.ToString().TrimEnd('/');

    /// <summary>Every line that is shown was printed, in this order. Ids and times are of their run.</summary>
    private static void AssertShown(string shown, string printed, string command)
    {
        var lines = new Queue<string>(Timeless(printed).Split('\n'));
        foreach (var line in Timeless(shown).Split('\n'))
        {
            while (lines.Count > 0 && lines.Peek() != line)
            {
                lines.Dequeue();
            }

            Assert.True(lines.TryDequeue(out _), $"{command}\n\nThe README shows the line\n{line}\nIt printed:\n{printed}");
        }
    }

    private static string Timeless(string text) => Id().Replace(Time().Replace(Date().Replace(text, "Date: …"), "…"), "…");

    [GeneratedRegex("```sh\n(.*?)\n```\n.*?```(?:http|json)\n(.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Sample();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Id();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")]
    private static partial Regex Time();

    [GeneratedRegex("^Date: .*$", RegexOptions.Multiline)]
    private static partial Regex Date();
}
