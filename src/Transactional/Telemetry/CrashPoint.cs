using System.Diagnostics;

namespace Messaging.Transactional;

/// <summary>
/// The places of docs/flow.md where a process can die. A test starts the process with MESSAGING_CRASH_POINT naming one, and there it
/// kills itself, as the kernel would: nothing is flushed, disposed or answered. Unset, which is read once, the calls compile to nothing.
/// </summary>
internal static class CrashPoint
{
    private static readonly string? Armed = Environment.GetEnvironmentVariable("MESSAGING_CRASH_POINT");

    public static void Reach(string name)
    {
        if (Armed is not null && Armed == name)
        {
            using var self = Process.GetCurrentProcess();
            self.Kill();
        }
    }
}
