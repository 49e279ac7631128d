using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Messaging.Cli;

/// <summary>kill(2).</summary>
internal static partial class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;

    private const int NoSuchProcess = 3;

    public static int Stop => OperatingSystem.IsMacOS() ? 17 : 19;

    public static int Continue => OperatingSystem.IsMacOS() ? 19 : 18;

    /// <summary>A process that is gone already is no error.</summary>
    public static void Send(int processId, int signal)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new FaultException("Signals are not to be had on Windows; run the storm on Linux or macOS.");
        }

        if (SendSignal(processId, signal) != 0 && Marshal.GetLastPInvokeError() is var error and not NoSuchProcess)
        {
            throw new FaultException($"Process {processId} could not be signalled: {new Win32Exception(error).Message}");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int processId, int signal);
}
