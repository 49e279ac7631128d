namespace Messaging.Services;

/// <summary>Finds a program as a shell would, and in the folders where Debian keeps servers out of the PATH.</summary>
internal static class Executable
{
    public static string? Find(string name, params IEnumerable<string> folders)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator);
        return folders.Concat(path).Concat(["/usr/sbin", "/sbin"])
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
    }
}
