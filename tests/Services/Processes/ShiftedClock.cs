namespace Messaging.Services;

/// <summary>A process whose wall clock is off, as on a machine without time synchronisation: libfaketime, loaded into it. Only its wall clock is; pauses and timeouts are as long as ever.</summary>
public static class ShiftedClock
{
    private const string Library = "libfaketimeMT.so.1";

    /// <param name="hours">How far it is ahead; negative for behind.</param>
    /// <returns>Environment variables for the process.</returns>
    public static (string Name, string Value)[] By(int hours) =>
    [
        ("LD_PRELOAD", Find()),
        ("FAKETIME", $"{(hours < 0 ? "" : "+")}{hours}h"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];

    private static string Find()
    {
        foreach (var folder in (string[])["/usr/lib", "/usr/lib64", "/usr/local/lib"])
        {
            if (Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Prepend(folder)
                    .Select(d => Path.Combine(d, "faketime", Library)).FirstOrDefault(File.Exists) is { } found)
            {
                return found;
            }
        }

        Unavailable.Because($"there is no {Library}. Install the package faketime, or run ./test, which sees to it.");
        return "";
    }
}
