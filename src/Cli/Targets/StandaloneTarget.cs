namespace Messaging.Cli;

/// <summary>Standalone: publisher and consumer are one process, and both roles mean that one.</summary>
internal sealed class StandaloneTarget : OwnTarget
{
    private readonly OwnProcess _process;

    public StandaloneTarget(ChaosSettings settings, string folder)
    {
        _process = new OwnProcess(
            "standalone", ServiceProgram.Find("Standalone", settings.Standalone), ["--data", folder], EnvironmentOf([], settings.ServiceSettings), LoopbackPort.NextAddress(), Path.Combine(settings.Output, "standalone.log"));
        Publishers.Add(_process);
        Consumers.Add(_process);
    }

    public override string Description => "Standalone: one process on SQLite";

    public override Task StartAsync(CancellationToken cancellationToken) => HealAsync();
}
