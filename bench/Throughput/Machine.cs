using System.Globalization;
using System.Runtime.InteropServices;

namespace Messaging.Throughput;

/// <summary>What the figures were measured on. No host name and no path: results are published.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        return $"{Environment.ProcessorCount} × {Processor()}, {memory:0} GB, {RuntimeInformation.OSDescription.Split('#')[0].Trim()}, {RuntimeInformation.FrameworkDescription}";
    }

    /// <summary>Whether somebody on this machine, the database server that is, has its memory in huge pages.</summary>
    public static bool UsesHugePages() => HugePages("HugePages_Total") + HugePages("HugePages_Rsvd") > HugePages("HugePages_Free");

    private static int HugePages(string line) => !File.Exists("/proc/meminfo") ? 0
        : File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith(line, StringComparison.Ordinal)) is { } found
            ? int.Parse(found.Split(':')[1], CultureInfo.InvariantCulture) : 0;

    private static string Processor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown processor"
        : RuntimeInformation.ProcessArchitecture.ToString();
}
