using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The matrix as docs/flow.md shows it: a row for each point, and in each cell links to the tests, with what they run.</summary>
internal static class CrashMatrixTable
{
    private const string Tests = "tests/Stack/Crash/CrashMatrixTests.cs";

    private static readonly string[] Source = File.ReadAllLines(Path.Combine(Repository.Root, Tests));

    public static IReadOnlyList<string> Rows { get; } = [.. CrashMatrix.Points.Select(p => $"| {p} | {string.Join(" | ", Enum.GetValues<Fault>().Select(f => Cell(p, f)))} |")];

    private static string Cell(string point, Fault fault)
    {
        var servers = Part("server", "CrashMatrixOnServers", DatabaseProvider.PostgreSql);
        var run = new[]
        {
            Part("file", "CrashMatrixOnSqlite", DatabaseProvider.Sqlite),
            servers.Length > 0 ? servers : Part("SQL Server", "CrashMatrixOnServers", DatabaseProvider.SqlServer),
        };
        return string.Join(", ", run.Where(p => p.Length > 0)) is { Length: > 0 } links ? links : "cannot exist";

        string Part(string name, string tests, DatabaseProvider provider)
        {
            var batches = ((bool[])[false, true]).Where(b => CrashMatrix.WhyNot(new CrashCell(point, fault, provider, b)) is null).Select(b => b ? "n" : "1").ToList();
            return batches.Count == 0 ? "" : $"[{name} {string.Join("·", batches)}](../{Tests}#L{Line(tests, fault)})";
        }
    }

    /// <summary>Where the test stands that runs the fault.</summary>
    private static int Line(string tests, Fault fault)
    {
        var begin = Array.FindIndex(Source, line => line.Contains($"class {tests}(", StringComparison.Ordinal));
        return Array.FindIndex(Source, begin, line => line.Contains($"RunAsync(Fault.{fault})", StringComparison.Ordinal)) + 1;
    }
}
