namespace Messaging.Cli;

/// <summary>A service that ended as nobody had told it to: by itself, or with an error after SIGTERM. No fault explains it.</summary>
/// <param name="Process">Which one.</param>
/// <param name="At">When it ended.</param>
/// <param name="ExitCode">128 + N where signal N ended it.</param>
/// <param name="AfterTerminate">It had been told to end, and should have done so with 0.</param>
internal sealed record UnexpectedExit(string Process, DateTimeOffset At, int ExitCode, bool AfterTerminate)
{
    public override string ToString() => FormattableString.Invariant(
        $"{Process} exited with {ExitCode} {(AfterTerminate ? "after SIGTERM, which should end it with 0" : "by itself")}, at {At:HH:mm:ss} UTC");
}
