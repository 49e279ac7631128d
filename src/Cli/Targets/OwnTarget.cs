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

    public async Task HealAsync()
    {
        await Task.WhenAll(All.Select(process => process.HealAsync()));
        await Task.WhenAll(All.Select(process => process.WaitUntilReadyAsync()));
    }

    public async Task<bool> StopAsync()
    {
        await Task.WhenAll(All.Select(process => process.EndAsync()));
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in All)
        {
            await process.DisposeAsync();
        }
    }
}
