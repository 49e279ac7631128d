using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>Every crash point × fault × database × batch. A cell that cannot exist is named here with its reason, and counted.</summary>
public static class CrashMatrix
{
    public static readonly string[] Points = ["P1", "P2", "P3", "P4", "P5", "D1", "D2", "D3", "D4", "D5", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "R1", "R2"];

    public static IReadOnlyList<CrashCell> Cells { get; } =
    [
        .. from provider in Enum.GetValues<DatabaseProvider>()
           from fault in Enum.GetValues<Fault>()
           from point in Points
           from isBatch in (bool[])[false, true]
           select new CrashCell(point, fault, provider, isBatch),
    ];

    /// <summary>Null for a cell that is run.</summary>
    public static string? WhyNot(CrashCell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell switch
        {
            { Provider: DatabaseProvider.Sqlite, Fault: Fault.DatabaseCut } => "SQLite is a file in the process: there is no connection to cut",
            { Provider: DatabaseProvider.Sqlite, Fault: Fault.BrokerCut } => "the in-memory transport is in the process: there is no connection to cut",
            { Provider: DatabaseProvider.Sqlite, Point: "D2" } => "the in-memory transport confirms by returning: nothing lies between publish and confirm",
            { Provider: DatabaseProvider.Sqlite, Point: "C7" or "C8" } => "the in-memory transport writes no acknowledgements",
            { Provider: DatabaseProvider.PostgreSql, Point: "P2" } => "the commit travels with the insert: nothing lies between them",
            { Point: "D4" or "C8", IsBatch: false } => "a part of one message does not exist",
            _ => null,
        };
    }
}
