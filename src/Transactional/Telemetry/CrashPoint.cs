using System.Diagnostics;

namespace Messaging.Transactional;

/// <summary>
/// The places of docs/flow.md where a process can die. A test starts a process with MESSAGING_CRASH_POINT holding the
/// <see cref="CrashPath"/> to one, and there it kills itself, as the kernel would: nothing is flushed, disposed or answered. A test
/// that runs a service in its own process arms the flow that starts it. Unarmed, a call is one look at a flag.
/// </summary>
internal static class CrashPoint
{
    private static readonly CrashPath? OfProcess =
        Environment.GetEnvironmentVariable("MESSAGING_CRASH_POINT") is { Length: > 0 } path ? new CrashPath(path, Kill) : null;

    private static readonly AsyncLocal<CrashPath?> OfFlow = new();

    private static volatile bool _isArmed = OfProcess is not null;

    /// <param name="name">As in docs/flow.md.</param>
    /// <param name="messages">How many share what is being done here; inside a loop, how many have been done.</param>
    /// <param name="key">Of the one message it is about, where there is one.</param>
    public static void Reach(string name, int messages = 1, string? key = null)
    {
        if (_isArmed)
        {
            (OfFlow.Value ?? OfProcess)?.Reach(name, messages, key);
        }
    }

    /// <summary>A point within a commit: it was sent, its answer is not there yet. What is thrown here comes out once the answer is.</summary>
    /// <param name="name">As in docs/flow.md.</param>
    /// <param name="commit">Under way.</param>
    /// <param name="messages">How many share it.</param>
    public static Task ReachWithinAsync(string name, Task commit, int messages) => _isArmed ? StrikeWithinAsync(name, commit, messages) : commit;

    /// <summary>For a point that another flow reaches on behalf of this one; null while unarmed.</summary>
    public static ExecutionContext? Flow => _isArmed ? ExecutionContext.Capture() : null;

    /// <summary>For whatever the caller starts from here on, and for nothing beside it.</summary>
    public static void Arm(CrashPath path)
    {
        OfFlow.Value = path;
        _isArmed = true;
    }

    private static async Task StrikeWithinAsync(string name, Task commit, int messages)
    {
        try
        {
            Reach(name, messages);
        }
        finally
        {
            await commit;
        }
    }

    private static void Kill()
    {
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
