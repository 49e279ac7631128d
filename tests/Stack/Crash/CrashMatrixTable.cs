using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The matrix as docs/flow.md shows it: a row for each point, and in each cell a link to the test and what it runs.</summary>
internal static class CrashMatrixTable
{
    private const string Tests = "../tests/Stack/Crash/CrashMatrixTests.cs";

    public static IReadOnlyList<string> Rows { get; } = [.. CrashMatrix.Points.Select(p => $"| {p} | {string.Join(" | ", Enum.GetValues<Fault>().Select(f => Cell(p, f)))} |")];

    private static string Cell(string point, Fault fault)
    {
        var run = new[] { Part("file", DatabaseProvider.Sqlite), Part("server", DatabaseProvider.PostgreSql) }.Where(p => p.Length > 0).ToList();
        return run.Count == 0 ? "cannot exist" : $"[{string.Join(", ", run)}]({Tests})";

        string Part(string name, DatabaseProvider provider)
        {
            var batches = ((bool[])[false, true]).Where(b => CrashMatrix.WhyNot(new CrashCell(point, fault, provider, b)) is null).Select(b => b ? "n" : "1").ToList();
            return batches.Count == 0 ? "" : $"{name} {string.Join("·", batches)}";
        }
    }
}
