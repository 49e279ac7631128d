using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The program <c>messaging</c>, as a process.</summary>
internal static class CommandLine
{
    public static ChildProcess Start(params IEnumerable<string> arguments) => ChildProcess.Start("dotnet", [Repository.AssemblyOf("Cli", "messaging"), .. arguments]);

    public static async Task<(int ExitCode, string Output)> RunAsync(TimeSpan limit, params IEnumerable<string> arguments)
    {
        await using var process = Start(arguments);
        var code = await process.WaitForExitAsync(limit);
        await Eventually.True(() => process.Output.HasEnded);
        return (code, process.Output.ToString());
    }
}
