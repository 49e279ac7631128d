namespace Messaging.Services;

/// <summary>A folder that goes with the test run, also when the run is killed.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder(string purpose)
    {
        Path = Directory.CreateTempSubdirectory($"messaging-{purpose}-").FullName;
        Reaper.WatchFolder(Path);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        Directory.Delete(Path, recursive: true);
        Reaper.ForgetFolder(Path);
    }
}
