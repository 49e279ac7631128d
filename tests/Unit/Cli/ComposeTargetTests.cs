using System.CommandLine;
using Messaging.Cli;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>What the compose target asks docker for, and what it makes of the answers; docker is a script that writes down how it is called.</summary>
public sealed class ComposeTargetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private string Docker => Path.Combine(_folder, "docker");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_containers_of_the_services_are_its_victims()
    {
        await DockerAnswersAsync("""case "$*" in *"ps -q c1") echo 1; echo 2 ;; *"ps -q "*) echo 3 ;; *) echo running ;; esac""");
        await using var target = Target("--publisher-services p --consumer-services c1 c2");

        await target.StartAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["p"], target.Victims(Role.Publisher).Select(v => v.Name));
        Assert.Equal(["c1-1", "c1-2", "c2"], target.Victims(Role.Consumer).Select(v => v.Name));
    }

    /// <summary>docker compose lists no ended container; docker-compose 1.29 does.</summary>
    [Theory]
    [InlineData("""case "$*" in *"ps -q c2") ;; *"ps -q "*) echo 1 ;; *) echo running ;; esac""")]
    [InlineData("""case "$*" in *"ps -q c2") echo 2 ;; *"ps -q "*) echo 1 ;; *" 2") echo exited ;; *) echo running ;; esac""")]
    public async Task A_service_that_does_not_run_is_named_also_when_its_neighbours_run(string docker)
    {
        await DockerAnswersAsync(docker);
        await using var target = Target("--publisher-services p --consumer-services c1 c2");

        var exception = await Assert.ThrowsAsync<FaultException>(() => target.StartAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith("c2 does not run.", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("--consumer-services.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_is_started_when_its_health_check_says_so()
    {
        await DockerAnswersAsync("""case "$*" in *Health*) [ $(grep -c Health calls) -gt 1 ] && echo healthy || echo starting ;; esac""");

        await new ComposeContainer("c", "1", Docker).StartAsync();

        Assert.Equal(["start", "inspect", "inspect"], await VerbsAsync());
    }

    [Theory]
    [InlineData("paused", "unpause")]
    [InlineData("exited", "start")]
    [InlineData("running", null)]
    public async Task Healing_makes_it_run_again_whatever_was_done_to_it_and_waits_until_it_is_healthy(string state, string? verb)
    {
        await DockerAnswersAsync($"""case "$*" in *Health*) echo healthy ;; *Status*) echo {state} ;; esac""");

        await new ComposeContainer("c", "1", Docker).HealAsync();

        Assert.Equal(verb is null ? ["inspect", "inspect"] : ["inspect", verb, "inspect"], await VerbsAsync());
    }

    private async Task DockerAnswersAsync(string script)
    {
        await File.WriteAllTextAsync(Docker + ".sh", $"#!/bin/sh\ncd '{_folder}'\necho \"$*\" >>calls\n{script}\n", TestContext.Current.CancellationToken);
        // Not written by us: what a process has open for writing while it forks for another test cannot be run.
        await using var install = ChildProcess.Start("install", ["-m", "755", Docker + ".sh", Docker]);
        Assert.Equal(0, await install.WaitForExitAsync(TimeSpan.FromSeconds(30)));
    }

    private async Task<IEnumerable<string>> VerbsAsync() =>
        (await File.ReadAllLinesAsync(Path.Combine(_folder, "calls"), TestContext.Current.CancellationToken)).Select(call => call.Split(' ')[0]);

    private ComposeTarget Target(string options)
    {
        var chaos = new ChaosOptions();
        var command = new Command("chaos");
        chaos.AddTo(command);
        return new ComposeTarget(chaos.Read(command.Parse($"--target compose --url http://a --compose-command {Docker} {options}")), Docker);
    }
}
