namespace Messaging.Transactional;

/// <summary>A lock between processes that the operating system takes back from a dead one.</summary>
internal static class FileLock
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(50);

    public static async Task<IAsyncDisposable> TakeAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(RetryInterval, cancellationToken);
            }
        }
    }
}
