using System.CommandLine;
using System.CommandLine.Invocation;
using Messaging.Cli;

var root = new RootCommand("Puts load and faults on a deployment of Messaging, and judges from its database whether every key took effect exactly once.")
{
    LoadCommand.Create(),
    AuditCommand.Create(),
    ChaosCommand.Create(),
};

var arguments = root.Parse(args);
if (arguments.Action is ParseErrorAction)
{
    return WrongArguments.Tell(arguments, Console.Error);
}

// Interruption sees to Ctrl-C: a storm heals what it broke and judges before it ends. An unforeseen error ends the process as a crash: the
// library's own handler would make it exit code 1, which is a verdict.
return await arguments.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
