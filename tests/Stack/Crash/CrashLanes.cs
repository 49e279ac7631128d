using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The lanes of one database, made when first asked for.</summary>
public sealed class CrashLanes : IAsyncDisposable
{
    private const int Count = 4;

    private IReadOnlyList<CrashLane>? _lanes;

    internal async Task<IReadOnlyList<CrashLane>> OfAsync(SharedServers servers, DatabaseProvider provider) =>
        _lanes ??= await Task.WhenAll(Enumerable.Range(0, Count).Select(async Task<CrashLane> (_) =>
            provider == DatabaseProvider.Sqlite ? await FileLane.CreateAsync() : await ServerLane.CreateAsync(servers, provider)));

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes ?? [])
        {
            await lane.DisposeAsync();
        }
    }
}
