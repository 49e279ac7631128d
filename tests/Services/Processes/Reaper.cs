using System.Diagnostics;

namespace Messaging.Services;

/// <summary>
/// Cleans up after a test process that was itself killed. A shell, in a session of its own, reads what we started from a pipe;
/// when the pipe closes without a goodbye it kills, removes and deletes what is left.
/// (PR_SET_PDEATHSIG would do for processes, but its "parent" is the thread that forked, and pool threads retire.)
/// </summary>
internal static class Reaper
{
    private const string Script =
        """
        trap '' INT TERM HUP
        left=$(mktemp) || exit 1
        while read -r verb what; do
          case $verb in
            forget) grep -vxF "$what" "$left" >"$left.next"; mv "$left.next" "$left" ;;
            watch) printf '%s\n' "$what" >>"$left" ;;
          esac
        done
        while read -r kind what; do
          case $kind in
            process) kill -KILL "$what" ;;
            container) docker rm -f -v "$what" ;;
            mount) umount -l "$what" ;;
          esac
        done <"$left" >/dev/null 2>&1
        while read -r kind what; do
          case $kind in
            folder) rm -rf -- "$what" ;;
            network) docker network rm "$what" ;;
          esac
        done <"$left" >/dev/null 2>&1
        rm -f "$left" "$left.next"
        """;

    private static readonly Lazy<StreamWriter> Pipe = new(Start);

    public static void WatchProcess(int id) => Tell($"watch process {id}");

    public static void ForgetProcess(int id) => Tell($"forget process {id}");

    public static void WatchContainer(string id) => Tell($"watch container {id}");

    public static void ForgetContainer(string id) => Tell($"forget container {id}");

    public static void WatchNetwork(string id) => Tell($"watch network {id}");

    public static void ForgetNetwork(string id) => Tell($"forget network {id}");

    public static void WatchMount(string folder) => Tell($"watch mount {folder}");

    public static void ForgetMount(string folder) => Tell($"forget mount {folder}");

    public static void WatchFolder(string path) => Tell($"watch folder {path}");

    public static void ForgetFolder(string path) => Tell($"forget folder {path}");

    private static void Tell(string line)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        lock (Pipe)
        {
            Pipe.Value.WriteLine(line);
        }
    }

    private static StreamWriter Start()
    {
        var hasSetsid = Executable.Find("setsid") is not null;
        var start = new ProcessStartInfo(hasSetsid ? "setsid" : "sh") { RedirectStandardInput = true };
        string[] arguments = hasSetsid ? ["sh", "-c", Script] : ["-c", Script];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var shell = Process.Start(start) ?? throw new InvalidOperationException("No shell could be started.");
        shell.StandardInput.AutoFlush = true;
        return shell.StandardInput;
    }
}
