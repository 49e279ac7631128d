using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Messaging.Services;

public enum Signal
{
    Interrupt,
    Kill,
    Terminate,
    Stop,
    Continue,
}

/// <summary>kill(2), and the tree below a process: SIGSTOP of a PostgreSQL postmaster alone would leave its backends working.</summary>
internal static partial class Signals
{
    private const int NoSuchProcess = 3;

    /// <summary>False when the process is gone already.</summary>
    public static bool Send(int processId, Signal signal)
    {
        if (Kill(processId, Number(signal)) == 0)
        {
            return true;
        }

        var error = Marshal.GetLastPInvokeError();
        return error == NoSuchProcess ? false : throw new Win32Exception(error);
    }

    /// <summary>The root is first, so that it cannot start another child after its children were signalled.</summary>
    public static void SendToTree(int processId, Signal signal)
    {
        foreach (var member in Tree(processId))
        {
            Send(member, signal);
        }
    }

    public static List<int> Tree(int root)
    {
        var parents = Parents();
        List<int> tree = [root];
        for (var next = 0; next < tree.Count; next++)
        {
            tree.AddRange(parents.Where(pair => pair.Value == tree[next]).Select(pair => pair.Key));
        }

        return tree;
    }

    /// <summary>A zombie counts as gone: it holds neither memory nor sockets.</summary>
    public static bool IsAlive(int processId) => Status(processId) is { State: not "Z" };

    /// <summary>Not cut short when the test is cancelled: this is how it cleans up.</summary>
    public static async Task WaitUntilGoneAsync(IReadOnlyCollection<int> processIds, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        while (processIds.Any(IsAlive))
        {
            if (watch.Elapsed > limit)
            {
                throw new TimeoutException($"Of the killed processes {string.Join(", ", processIds.Where(IsAlive))} are still there.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    private static Dictionary<int, int> Parents()
    {
        var parents = new Dictionary<int, int>();
        if (!Directory.Exists("/proc"))
        {
            return parents;
        }

        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var id) && Status(id) is { } status)
            {
                parents[id] = status.Parent;
            }
        }

        return parents;
    }

    private static (string State, int Parent)? Status(int processId)
    {
        try
        {
            // "pid (name) state parent …": the name may hold spaces and parentheses, so count from the last one.
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static int Number(Signal signal) => signal switch
    {
        Signal.Interrupt => 2,
        Signal.Kill => 9,
        Signal.Terminate => 15,
        Signal.Stop => OperatingSystem.IsMacOS() ? 17 : 19,
        Signal.Continue => OperatingSystem.IsMacOS() ? 19 : 18,
        _ => throw new ArgumentOutOfRangeException(nameof(signal)),
    };

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
