using System.Globalization;
using Messaging.Services;

namespace Messaging.Unit;

public sealed class ChildProcessTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_line_is_waited_for_and_the_exit_code_is_known()
    {
        await using var process = Shell("echo one; echo two >&2; exit 3");

        Assert.Equal("two", await process.Output.WaitForLineAsync("two", Limit));
        Assert.Equal(3, await process.WaitForExitAsync(Limit));
    }

    [Fact]
    public async Task SIGTERM_reaches_the_process()
    {
        await using var process = Shell("tail -f /dev/null & trap 'echo drained; kill $!; exit 0' TERM; echo ready; wait");
        await process.Output.WaitForLineAsync("ready", Limit);

        Assert.True(process.Send(Signal.Terminate));

        Assert.Equal(0, await process.WaitForExitAsync(Limit));
        await process.Output.WaitForLineAsync("drained", Limit);
    }

    [Fact]
    public async Task Killing_a_process_also_ends_its_children()
    {
        await using var process = Shell("tail -f /dev/null & echo child $!; wait");
        var line = await process.Output.WaitForLineAsync("child ", Limit);
        var child = int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);

        await process.KillTreeAsync();

        Assert.False(Directory.Exists($"/proc/{child}") && File.ReadAllText($"/proc/{child}/stat").Contains(") S ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stopped_process_prints_nothing_until_it_is_continued()
    {
        await using var process = Shell("i=0; while :; do i=$((i+1)); echo $i; done");
        await process.Output.WaitForLineAsync("1", Limit);

        process.Send(Signal.Stop);
        await Eventually.True(() => State(process.Id) == 'T', Limit);
        process.Send(Signal.Continue);

        await Eventually.True(() => State(process.Id) != 'T', Limit);
    }

    [Fact]
    public async Task Output_is_kept_within_bounds()
    {
        await using var process = Shell("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line $i; done; printf '%9000s' x; echo; echo end");

        await process.Output.WaitForLineAsync("end", Limit);

        var lines = process.Output.ToString().Split('\n');
        Assert.Equal(OutputTail.MaxLines, lines.Length);
        Assert.DoesNotContain("line 1", lines);
        Assert.All(lines, line => Assert.True(line.Length <= OutputTail.MaxLineCharacters));
    }

    private static ChildProcess Shell(string script) => ChildProcess.Start("bash", ["-c", script]);

    private static char State(int id)
    {
        var stat = File.ReadAllText($"/proc/{id}/stat");
        return stat[stat.LastIndexOf(')') + 2];
    }
}
