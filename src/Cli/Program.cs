using System.CommandLine;
using Messaging.Cli;

var root = new RootCommand("Puts load and faults on a deployment of Messaging, and judges from its database whether every key took effect exactly once.")
{
    LoadCommand.Create(),
    AuditCommand.Create(),
    ChaosCommand.Create(),
};

// Interruption sees to Ctrl-C: a storm heals what it broke and judges before it ends.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
