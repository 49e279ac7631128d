namespace Messaging.Cli;

internal enum FaultAction
{
    /// <summary>SIGKILL, then a start.</summary>
    Kill,

    /// <summary>SIGSTOP for some seconds, then SIGCONT: a zombie that comes back.</summary>
    Stop,

    /// <summary>SIGTERM, the exit, then a start: a deployment.</summary>
    Terminate,

    /// <summary>Clients' connections are cut, in the body or before the answer.</summary>
    AbortRequests,

    /// <summary>Every submission is published again.</summary>
    Replay,

    /// <summary>A command of the user's injects, another heals.</summary>
    Command,
}

internal enum Role
{
    None,
    Publisher,
    Consumer,
}

/// <summary>One kind of fault, by the name that options and reports use.</summary>
internal sealed record FaultKind(string Name, FaultAction Action, Role Role = Role.None, string? Inject = null, string? Heal = null)
{
    public static readonly IReadOnlyList<FaultKind> BuiltIn =
    [
        new("kill-consumer", FaultAction.Kill, Role.Consumer),
        new("kill-publisher", FaultAction.Kill, Role.Publisher),
        new("stop-consumer", FaultAction.Stop, Role.Consumer),
        new("stop-publisher", FaultAction.Stop, Role.Publisher),
        new("term-consumer", FaultAction.Terminate, Role.Consumer),
        new("term-publisher", FaultAction.Terminate, Role.Publisher),
        new("abort-requests", FaultAction.AbortRequests),
        new("replay", FaultAction.Replay),
    ];

    /// <summary>
    /// Faults of one gate wait for each other. Commands whose names begin with the same word (<c>broker-restart</c>, <c>broker-data</c>)
    /// harm the same thing, and one must not stop what the other is starting.
    /// </summary>
    public string Gate => Action == FaultAction.Command ? Name.Split('-')[0] : Name;

    /// <summary><c>NAME=INJECT ;; HEAL</c>, the second part optional; null when it cannot be read.</summary>
    public static FaultKind? ParseCommand(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || !text[..at].All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
        {
            return null;
        }

        var parts = text[(at + 1)..].Split(";;", 2, StringSplitOptions.TrimEntries);
        return parts[0].Length == 0 ? null : new FaultKind(text[..at], FaultAction.Command, Inject: parts[0], Heal: parts.Length > 1 && parts[1].Length > 0 ? parts[1] : null);
    }
}
