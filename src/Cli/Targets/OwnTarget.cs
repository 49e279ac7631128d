namespace Messaging.Cli;

/// <summary>Processes that the storm starts, harms and ends itself.</summary>
internal abstract class OwnTarget : ITarget
{
    protected List<OwnProcess> Publishers { get; } = [];

    protected List<OwnProcess> Consumers { get; } = [];

    public abstract string Description { get; }

    public IReadOnlyList<Uri> Urls => Publishers.ConvertAll(p => p.Address);

    private IEnumerable<OwnProcess> All => Publishers.Concat(Consumers).Distinct();

    public IReadOnlyList<IVictim> Victims(Role role) => role switch
    {
        Role.Publisher => Publishers,
        Role.Consumer => Consumers,
        _ => [],
    };

    public long? LargestResidentBytes => All.Max(process => process.ResidentBytes);

    public IReadOnlyList<UnexpectedExit> UnexpectedExits => [.. All.SelectMany(process => process.UnexpectedExits).OrderBy(exit => exit.At)];

    public abstract Task StartAsync(CancellationToken cancellationToken);

    /// <summary>What a process of the storm is started with; what the user gave for it counts last.</summary>
    internal static Dictionary<string, string> EnvironmentOf(IEnumerable<KeyValuePair<string, string>> own, IEnumerable<KeyValuePair<string, string>> given)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["Logging__LogLevel__Default"] = "Warning",
            // One client measures what the deployment can do, not what one client may.
            ["Limits__RequestsPerSecond"] = "1000000",
            ["Limits__RequestBurst"] = "1000000",
            ["Limits__NewKeysPerSecond"] = "1000000",
            ["Limits__NewKeyBurst"] = "1000000",
        };
        foreach (var (name, value) in own.Concat(given))
        {
            environment[name] = value;
        }

        return environment;
    }

    public async Task HealAsync()
    {
        await AllAsync(All.Select(process => process.HealAsync()));
        await AllAsync(All.Select(process => process.WaitUntilReadyAsync()));
    }

    public async Task<bool> StopAsync()
    {
        await AllAsync(All.Select(process => process.EndAsync()));
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in All)
        {
            try
            {
                await process.DisposeAsync();
            }
            catch (FaultException failure)
            {
                // One that outlives SIGKILL must not keep the next from being ended, nor the verdict from being the exit code.
                await Console.Error.WriteLineAsync(failure.Message);
            }
        }
    }

    /// <summary>Names all that failed, not the first of them.</summary>
    private static async Task AllAsync(IEnumerable<Task> work)
    {
        var all = Task.WhenAll(work);
        try
        {
            await all;
        }
        catch (FaultException) when (all.Exception is { InnerExceptions.Count: > 1 } several)
        {
            throw new FaultException(string.Join(" ", several.InnerExceptions.Select(failure => failure.Message)));
        }
    }
}
