namespace Messaging.Services;

/// <summary>Where the checkout is, seen from a test's output folder.</summary>
public static class Repository
{
    private static readonly Lazy<string> Found = new(Find);

    public static string Root => Found.Value;

    /// <summary>The assembly of a project under src/, built in the same configuration as the running test.</summary>
    /// <param name="project">The folder under src/.</param>
    /// <param name="name">Of the assembly, where it is not Messaging.PROJECT.</param>
    public static string AssemblyOf(string project, string? name = null)
    {
        // …/tests/Stack/bin/Debug/net10.0/ → Debug/net10.0
        var output = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var framework = Path.GetFileName(output);
        var configuration = Path.GetFileName(Path.GetDirectoryName(output))!;
        var assembly = Path.Combine(Root, "src", project, "bin", configuration, framework, $"{name ?? "Messaging." + project}.dll");
        return File.Exists(assembly)
            ? assembly
            : throw new FileNotFoundException($"{project} is not built: run dotnet build in {Root}.", assembly);
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Messaging.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No Messaging.sln above {AppContext.BaseDirectory}.");
    }
}
