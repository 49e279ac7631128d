using Messaging.Services;
using Messaging.Standalone;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Messaging.Stack;

/// <summary>Standalone: SQLite, and a broker that lives and dies with the process.</summary>
internal sealed class FileLane : CrashLane
{
    private readonly TestFolder _folder;

    private FileLane(TestFolder folder)
        : base(new DatabaseOptions(DatabaseProvider.Sqlite, $"Data Source={StandaloneHost.DatabaseFile(folder.Path)}")) => _folder = folder;

    public static async Task<FileLane> CreateAsync()
    {
        var lane = new FileLane(new TestFolder());
        await lane.MigrateAsync();
        return lane;
    }

    public override WebApplication Build(string url) => StandaloneHost.Build(_folder.Path, url, LogLevel.None);

    public override ServiceOptions ProcessFor(CrashCell cell) =>
        new("Standalone", new Dictionary<string, string?> { ["MESSAGING_CRASH_POINT"] = cell.Path }) { Arguments = ["--data", _folder.Path] };

    public override bool IsFedByBroker(CrashCell cell) => false;

    public override int Cuts => 0;

    public override void CutDatabase(string? atCommitOf) => throw new NotSupportedException("There is no connection.");

    public override void CutBroker() => throw new NotSupportedException("There is no connection.");

    /// <summary>It died with the process.</summary>
    public override Task<long> QueuedAsync() => Task.FromResult(0L);

    public override Task PublishAsync(IEnumerable<Request> requests, string client) => throw new NotSupportedException("Nobody else reaches this broker.");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
    }
}
