namespace Messaging.Cli;

/// <summary>A deployment that is not ours: load, client-side faults and command faults only.</summary>
internal sealed class UrlsTarget(IReadOnlyList<Uri> urls) : ITarget
{
    public string Description => "a deployment at " + string.Join(", ", urls);

    public IReadOnlyList<Uri> Urls => urls;

    public long? LargestResidentBytes => null;

    public IReadOnlyList<UnexpectedExit> UnexpectedExits => [];

    public IReadOnlyList<IVictim> Victims(Role role) => [];

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task HealAsync() => Task.CompletedTask;

    public Task<bool> StopAsync() => Task.FromResult(false);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
