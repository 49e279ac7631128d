using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>No cell is left out in silence.</summary>
public sealed class CrashMatrixSizeTests
{
    [Fact]
    public void The_matrix_has_every_cell_and_a_reason_for_each_that_cannot_exist()
    {
        var absent = CrashMatrix.Cells.GroupBy(CrashMatrix.WhyNot).Where(g => g.Key is not null).ToList();
        var run = CrashMatrix.Cells.Count(c => CrashMatrix.WhyNot(c) is null);
        Tell($"{CrashMatrix.Cells.Count} cells: {CrashMatrix.Points.Length} points × 5 faults × 3 databases × 2 batches; {Run(DatabaseProvider.Sqlite) + Run(DatabaseProvider.PostgreSql)} are run, {Run(DatabaseProvider.SqlServer)} more where there is a SQL Server, {absent.Sum(g => g.Count())} cannot exist:");
        absent.ForEach(g => Tell($"  {g.Count()}: {g.Key}"));

        Assert.Equal(CrashMatrix.Points.Length * 5 * 3 * 2, CrashMatrix.Cells.Distinct().Count());
        Assert.Equal(CrashMatrix.Cells.Count, run + absent.Sum(g => g.Count()));

        // A reason that suddenly holds for more cells would take them out without a word.
        Assert.Equal((99, 180, 190), (Run(DatabaseProvider.Sqlite), Run(DatabaseProvider.PostgreSql), Run(DatabaseProvider.SqlServer)));

        static int Run(DatabaseProvider provider) => CrashMatrix.Cells.Count(c => c.Provider == provider && CrashMatrix.WhyNot(c) is null);
    }

    [Fact]
    public async Task The_flow_page_shows_every_cell_as_it_is_run()
    {
        var page = await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "docs", "flow.md"), TestContext.Current.CancellationToken);
        Assert.All(CrashMatrix.Points, point => Assert.Contains(page.TakeWhile(l => !l.StartsWith("| P1 | [", StringComparison.Ordinal)), l => l.StartsWith('|') && l.Split('|')[1].Contains(point + " ", StringComparison.Ordinal)));
        Assert.Equal(CrashMatrixTable.Rows, page.SkipWhile(l => !l.StartsWith("| P1 | [", StringComparison.Ordinal)).TakeWhile(l => l.StartsWith('|')));
    }

    private static void Tell(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
