namespace Messaging.Cli;

/// <summary>A deployment to put under load and faults.</summary>
internal interface ITarget : IAsyncDisposable
{
    /// <summary>What it is, for the report.</summary>
    string Description { get; }

    /// <summary>Its publishers; known once it is started.</summary>
    IReadOnlyList<Uri> Urls { get; }

    /// <summary>The processes of a role that can be harmed; empty where there is no control over them.</summary>
    IReadOnlyList<IVictim> Victims(Role role);

    /// <summary>Resident memory of the largest of its services now; null where none can be seen.</summary>
    long? LargestResidentBytes { get; }

    /// <summary>Services that ended and should not have; empty where their exits cannot be seen.</summary>
    IReadOnlyList<UnexpectedExit> UnexpectedExits { get; }

    /// <exception cref="FaultException">It did not come up.</exception>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Makes everything run again that a fault may have left frozen or dead, and waits until it answers.</summary>
    Task HealAsync();

    /// <summary>Ends in good order what <see cref="StartAsync"/> started, so that nothing is in anybody's hands any more.</summary>
    /// <returns>False when nothing was stopped, because the deployment is not ours.</returns>
    Task<bool> StopAsync();
}

/// <summary>A process or container that faults are done to.</summary>
internal interface IVictim
{
    string Name { get; }

    /// <summary>SIGKILL; it is gone when this returns.</summary>
    Task KillAsync();

    /// <summary>SIGTERM, and its exit.</summary>
    Task TerminateAsync();

    Task FreezeAsync();

    Task ThawAsync();

    /// <summary>Starts it if it does not run, and waits until it answers.</summary>
    Task StartAsync();
}
