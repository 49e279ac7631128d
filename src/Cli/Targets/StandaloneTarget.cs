namespace Messaging.Cli;

/// <summary>Standalone: publisher and consumer are one process, and both roles mean that one.</summary>
internal sealed class StandaloneTarget : OwnTarget
{
    private readonly OwnProcess _process;

    public StandaloneTarget(ChaosSettings settings, string folder)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["Logging__LogLevel__Default"] = "Warning",
            // One client measures what the deployment can do, not what one client may.
            ["Limits__RequestsPerSecond"] = "1000000",
            ["Limits__RequestBurst"] = "1000000",
            ["Limits__NewKeysPerSecond"] = "1000000",
            ["Limits__NewKeyBurst"] = "1000000",
        };
        foreach (var (name, value) in settings.ServiceSettings)
        {
            environment[name] = value;
        }

        _process = new OwnProcess(
            "standalone", ServiceProgram.Find("Standalone", settings.Standalone), ["--data", folder], environment, LoopbackPort.NextAddress(), Path.Combine(settings.Output, "standalone.log"));
        Publishers.Add(_process);
        Consumers.Add(_process);
    }

    public override string Description => "Standalone: one process on SQLite";

    public override Task StartAsync(CancellationToken cancellationToken) => HealAsync();
}
