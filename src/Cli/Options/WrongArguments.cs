using System.CommandLine;

namespace Messaging.Cli;

/// <summary>Arguments that cannot be used: their errors and where to read on. The whole help would hide them.</summary>
internal static class WrongArguments
{
    /// <returns>The exit code: not 1, which is a verdict.</returns>
    public static int Tell(ParseResult arguments, TextWriter errors)
    {
        foreach (var message in arguments.Errors.Select(error => error.Message).Distinct(StringComparer.Ordinal))
        {
            errors.WriteLine(message);
        }

        var command = arguments.CommandResult.Command;
        errors.WriteLine($"'messaging {(command is RootCommand ? "" : command.Name + " ")}--help' lists what is possible.");
        return (int)Judgement.Incomplete;
    }
}
