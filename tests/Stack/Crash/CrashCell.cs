using Messaging.Consumer;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>What happens at a crash point.</summary>
public enum Fault
{
    /// <summary>SIGKILL of the real process.</summary>
    Kill,

    Exception,

    /// <summary>The process is told to stop; at P1–P5 the callers hang up as well.</summary>
    Cancellation,

    DatabaseCut,

    BrokerCut,
}

/// <summary>One cell of the matrix.</summary>
/// <param name="Point">As in docs/flow.md.</param>
/// <param name="Fault">What happens there.</param>
/// <param name="Provider">On which database.</param>
/// <param name="IsBatch">At least two messages share the transaction or the window; else one has it alone.</param>
public sealed record CrashCell(string Point, Fault Fault, DatabaseProvider Provider, bool IsBatch)
{
    private const int BatchSize = 6;

    private int _round;

    /// <summary>The points that lie inside a commit whose answer is lost: there the proxy cuts the COMMIT itself, of a transaction with this text in it.</summary>
    public string? CutsTheCommitOf => (Fault, Provider, Point) switch
    {
        (Fault.DatabaseCut, DatabaseProvider.PostgreSql, "P3") => "INSERT INTO submissions",
        (Fault.DatabaseCut, DatabaseProvider.PostgreSql, "C5") => "INSERT INTO inbox",
        _ => null,
    };

    /// <summary>Where to strike, as <see cref="CrashPath"/> reads it.</summary>
    public string Path => (Point, IsBatch) switch
    {
        _ when CutsTheCommitOf is not null => (Point == "P3" ? "P1" : "C4") + AtLeastTwo,
        ("D4", _) => Provider == DatabaseProvider.Sqlite ? "D4" : "D2@2 D4",
        ("P5", true) => "P4@2 P5",
        ("C3", true) => "C2@3 C3@2",
        ("C8", _) => "C8",
        _ => Point + AtLeastTwo,
    };

    /// <summary>How the consumer receives: one message directly, several in MassTransit's consume pipe. Only the direct way writes acknowledgements itself (C7, C8).</summary>
    internal ReceiveWay Way => IsBatch && Point[0] is 'C' or 'R' && Point is not ("C7" or "C8") ? ReceiveWay.ConsumePipe : ReceiveWay.Direct;

    private string AtLeastTwo => IsBatch ? "@2" : "";

    /// <summary>
    /// Requests under new keys, as many as the cell needs at once: half are orders, handled as a set, and half payments, handled one by one. All are
    /// payments where the point lies between two handlers: behind the second of three.
    /// </summary>
    internal IReadOnlyList<Services.Request> NextRequests()
    {
        var round = _round++;
        var count = IsBatch ? BatchSize : 1;
        return [.. Enumerable.Range(1, count).Select(i => new Services.Request(IsPayment(i), $"{Point}-{Fault}-{(IsBatch ? 'n' : '1')}-{round}-{i}", i))];

        bool IsPayment(int i) => (Point, IsBatch) == ("C3", true) || (i % 2 == 0 && Point[0] != 'R');
    }

    public override string ToString() => $"{Point} × {Fault} × {Provider} × {(IsBatch ? "batch of n" : "batch of 1")}";
}
