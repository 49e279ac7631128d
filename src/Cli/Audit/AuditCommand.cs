using System.CommandLine;
using System.Data.Common;
using System.Text.Json;
using Messaging.Transactional;
using Spectre.Console;

namespace Messaging.Cli;

/// <summary><c>messaging audit</c>.</summary>
internal static class AuditCommand
{
    private const int CouldNotCheck = (int)Judgement.Incomplete;

    public static Command Create()
    {
        var deployment = new DeploymentOptions();
        var journal = new Option<FileInfo?>("--journal") { Description = "What messaging load or chaos wrote: compares also what clients were answered.", HelpName = "FILE" };
        var wait = Arguments.Duration("--wait", "Waits so long, at most, until nothing is on its way.", TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromHours(24));
        var json = new Option<bool>("--json") { Description = "Prints the report as JSON, and nothing else." };
        var command = new Command("audit", """
            Compares submissions, inbox, effects, parked messages, outgoing rows and queues; names the keys that offend.

            It only reads. While a load is running, what is on its way looks lost: stop the load, and give --wait.

            Exit code: 0 good; 1 an invariant is violated; 2 what was asked for could not be checked, no key was accepted, nobody said where the effects of an operation are, or the arguments cannot be used.

            Examples:
              messaging audit --postgres 'Host=localhost;Database=messaging;Username=messaging' --rabbitmq amqp://guest:guest@localhost/ --wait 60s
              messaging audit --database sqlite --connection data/messaging.db --journal run.jsonl
            """)
        { journal, wait, json };
        deployment.AddTo(command);
        Arguments.Check(command, result =>
        {
            if (result.GetValue<string?>("--database") is null && result.GetValue<string?>("--postgres") is null)
            {
                result.AddError("Name the database: --postgres STRING, or --database KIND and --connection STRING.");
            }
        });
        command.SetAction((arguments, cancellationToken) => RunAsync(
            new AuditSettings
            {
                Database = deployment.Database(arguments)!,
                Effects = deployment.Effects(arguments),
                Broker = deployment.Broker(arguments),
                AllowForgotten = deployment.AllowForgotten(arguments),
            },
            arguments.GetValue(journal)?.FullName, arguments.GetValue(wait), arguments.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(AuditSettings settings, string? path, TimeSpan wait, bool json, CancellationToken cancellationToken)
    {
        try
        {
            await using var database = new AuditDatabase(settings.Database);
            using var journal = path is null ? null : Journal.Read(path);
            var broker = settings.Broker is { } named ? new BrokerQueues(named) : null;
            if (wait > TimeSpan.Zero)
            {
                await Drain.WaitAsync(database, broker, wait, cancellationToken);
            }

            var queues = broker is null ? null : await broker.ReadAsync(cancellationToken);
            var report = await new Auditor(settings, journal).RunAsync(database, queues, cancellationToken);
            if (json)
            {
                Console.WriteLine(AuditView.Json(report));
            }
            else
            {
                AuditView.Write(report, AnsiConsole.Console);
            }

            return (int)report.Judgement;
        }
        catch (Exception exception) when (exception is DbException or SettingException or BrokerUnavailableException or IOException or JsonException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"Could not check: {exception.Message}");
            return CouldNotCheck;
        }
    }
}
