using System.CommandLine;
using System.Data.Common;
using Messaging.Transactional;
using Spectre.Console;

namespace Messaging.Cli;

/// <summary><c>messaging chaos</c>.</summary>
internal static class ChaosCommand
{
    private const int CouldNotRun = 2;
    private const string ReportFile = "chaos-report.json";

    public static Command Create()
    {
        var options = new ChaosOptions();
        var command = new Command("chaos", """
            Puts load and faults on a deployment, heals it, waits until it has drained, and judges: did every accepted key take effect exactly once?

            Targets:
              standalone  starts Standalone (SQLite, one process) and harms it; needs nothing installed
              processes   starts publishers and consumers on a PostgreSQL and a RabbitMQ of yours, and harms them
              compose     harms the running containers of a compose project
              urls        no control over processes: only load, abort-requests, replay and your own --fault-command

            Faults:
              kill-consumer kill-publisher    SIGKILL, then a start
              stop-consumer stop-publisher    SIGSTOP for 2 to 10 s: a zombie that comes back
              term-consumer term-publisher    SIGTERM, the exit, then a start
              abort-requests                  clients cut their connections, in the body or before the answer
              replay                          every submission is published again (needs the database)
              NAME                            of --fault-command 'NAME=INJECT COMMAND ;; HEAL COMMAND'

            Ctrl-C stops the storm, heals, drains and judges; a second one quits at once, but still heals what is frozen.

            Exit code: 0 good; 1 an invariant is violated, or a service died by itself; 2 nothing bad was seen, but something promised was not done or could not be checked, or the arguments cannot be used.

            Examples:
              messaging chaos --target standalone --duration 60s
              messaging chaos --target processes --publishers 2 --consumers 3 --postgres 'Host=localhost;Database=messaging;Username=messaging' --rabbitmq amqp://guest:guest@localhost/ --duration 10m --at-least kill-consumer=20,kill-publisher=20
              messaging chaos --target urls --url https://orders.example.com --api-key KEY --faults abort-requests=1 --fault-command 'pod-kill=kubectl delete pod -l app=consumer --wait=false ;; kubectl rollout status deploy/consumer'
            """);
        options.AddTo(command);
        command.SetAction(arguments => RunAsync(options.Read(arguments)));
        return command;
    }

    private static async Task<int> RunAsync(ChaosSettings settings)
    {
        IStormView view = Console.IsOutputRedirected ? new PlainView() : new LiveView();
        try
        {
            Directory.CreateDirectory(settings.Output);
            Journal.RefuseEvidence(Path.Combine(settings.Output, ReportFile));
            using var journal = new Journal(Path.Combine(settings.Output, "journal.jsonl"));
            using var interruption = new Interruption();
            await using var database = settings.Database is { } named ? new AuditDatabase(named) : null;
            await using var target = TargetOf(settings);
            using var run = new ChaosRun(settings, target, database, journal, interruption, view);
            var report = await view.RunAsync(run.RunAsync);
            Tell(report, settings.Output);
            return report.Verdict.ExitCode;
        }
        catch (Exception exception) when (exception is FaultException or DbException or SettingException or BrokerUnavailableException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(exception is OperationCanceledException ? "Quit; there is no verdict." : $"The storm could not be run to its end: {exception.Message}");
            return CouldNotRun;
        }
    }

    private static ITarget TargetOf(ChaosSettings settings) => settings.Target switch
    {
        TargetKind.Standalone => new StandaloneTarget(settings, settings.Data!),
        TargetKind.Processes => new ProcessesTarget(settings),
        TargetKind.Compose => new ComposeTarget(settings),
        _ => new UrlsTarget(settings.Urls),
    };

    private static void Tell(ChaosReport report, string folder)
    {
        File.WriteAllText(Path.Combine(folder, ReportFile), report.ToJson());
        var page = Path.Combine(folder, "chaos-report.html");
        File.WriteAllText(page, ReportPage.Render(report));
        AnsiConsole.Write(AuditView.Table(report.Invariants));
        if (report.Recovery is { } recovery)
        {
            Console.WriteLine(recovery);
        }

        foreach (var count in report.FaultCounts)
        {
            Console.WriteLine($"{count.Name}: {count.Injected}{(count.AtLeast > 0 ? $" (at least {count.AtLeast})" : "")}{(count.Failed > 0 ? $", {count.Failed} failed" : "")}");
        }

        foreach (var reason in report.Verdict.Reasons)
        {
            Console.WriteLine(reason);
        }

        foreach (var offending in report.Invariants.SelectMany(i => i.Shown().Select(key => $"{i.Id}: {key}")))
        {
            Console.WriteLine("  " + offending);
        }

        Console.WriteLine($"Seed {report.Seed}. Report: {page}");
        Console.WriteLine($"{report.Verdict.Judgement.ToString().ToUpperInvariant()}: {report.Verdict.Summary}");
    }
}
