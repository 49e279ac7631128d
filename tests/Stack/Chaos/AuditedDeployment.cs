using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What Standalone left after sixty orders and payments took effect, with the journal of the client; each test harms a copy.</summary>
public sealed class AuditedDeployment : IAsyncLifetime
{
    internal static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly TestFolder _folder = new();

    internal string Journal => Path.Combine(_folder.Path, "journal.jsonl");

    public async ValueTask InitializeAsync()
    {
        await using var service = await ServiceProcess.StartReadyAsync(new ServiceOptions("Standalone", new Dictionary<string, string?>()) { Arguments = ["--data", _folder.Path] });
        var (code, output) = await CommandLine.RunAsync(
            Limit, "load", "--url", service.Http.BaseAddress!.ToString(), "--keys", "60", "--rate", "0", "--concurrency", "8", "--duration", "2m", "--journal", Journal);
        Assert.True(code == 0, output);
        (code, output) = await CommandLine.RunAsync(
            Limit, "audit", "--database", "sqlite", "--connection", Path.Combine(_folder.Path, "messaging.db"), "--journal", Journal, "--wait", "60s");
        Assert.True(code == 0, output);
        await service.TerminateAsync();
    }

    internal TestFolder Copy()
    {
        var copy = new TestFolder();
        foreach (var file in Directory.EnumerateFiles(_folder.Path, "messaging.db*"))
        {
            File.Copy(file, Path.Combine(copy.Path, Path.GetFileName(file)));
        }

        return copy;
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
