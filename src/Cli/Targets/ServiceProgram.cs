namespace Messaging.Cli;

/// <summary>Finds our services: beside this program, or built in the checkout that it stands in.</summary>
internal static class ServiceProgram
{
    /// <param name="service">Publisher, Consumer or Standalone.</param>
    /// <param name="given">A path from the command line, or null.</param>
    /// <exception cref="FaultException">There is none.</exception>
    public static string Find(string service, FileInfo? given)
    {
        var candidates = given is not null ? [given.FullName] : Candidates(service).ToList();
        return candidates.FirstOrDefault(File.Exists) ?? throw new FaultException(
            $"There is no {service}: none of {string.Join(", ", candidates)} exists. Run dotnet build, or name it with --{service.ToLowerInvariant()} FILE.");
    }

    private static IEnumerable<string> Candidates(string service)
    {
        var file = $"Messaging.{service}.dll";
        var own = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        yield return Path.Combine(own, file);
        // …/src/Cli/bin/Debug/net10.0: the service was built in the same configuration.
        if (own.Split(Path.DirectorySeparatorChar) is [.., "Cli", "bin", var configuration, var framework])
        {
            yield return Path.GetFullPath(Path.Combine(own, "..", "..", "..", "..", service, "bin", configuration, framework, file));
        }
    }
}
