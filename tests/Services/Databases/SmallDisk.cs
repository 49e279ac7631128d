namespace Messaging.Services;

/// <summary>A file system of a few megabytes, held in memory, at a folder that becomes its own. Needs root on Linux.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    public static bool IsPossible => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess;

    public static async Task<SmallDisk> MountAsync(string folder, int megabytes, string owner)
    {
        Directory.CreateDirectory(folder);
        await Command.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={megabytes}m,mode=0700", "tmpfs", folder]);
        Reaper.WatchMount(folder);
        await Command.RunAsync("chown", [owner, folder]);
        return new SmallDisk(folder);
    }

    public async ValueTask DisposeAsync()
    {
        await Command.RunAsync("umount", ["-l", _folder]);
        Reaper.ForgetMount(_folder);
    }
}
