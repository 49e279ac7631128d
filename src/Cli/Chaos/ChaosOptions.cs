using System.CommandLine;
using System.CommandLine.Parsing;
using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>The options of a storm.</summary>
internal sealed class ChaosOptions
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StandardDuration = TimeSpan.FromMinutes(3);

    private readonly LoadOptions _load = new(standardRate: 50);
    private readonly DeploymentOptions _deployment = new();
    private readonly TargetOptions _target = new();
    private readonly Option<Shown<TimeSpan>> _duration = Arguments.Duration("--duration", "From the first request to the end of the last measurement; healing and draining come on top.", StandardDuration, Shortest, TimeSpan.FromHours(24));
    private readonly Option<int> _keys = Arguments.Number("--keys", "Keys that must have been accepted at least; the end waits for them.", 0, 0, 100_000_000);
    private readonly Option<string> _faults = new("--faults") { Description = "Which faults, and how often against each other.", HelpName = "NAME=WEIGHT,…", DefaultValueFactory = _ => FaultMix.Standard };
    private readonly Option<string> _atLeast = new("--at-least") { Description = "How often at least; more faults come if it takes them.", HelpName = "NAME=COUNT,…", DefaultValueFactory = _ => "" };
    private readonly Option<string[]> _commands = new("--fault-command") { Description = "A fault of your own, run by a shell; may be given several times. The heal command is run after 1 to 3 s, and always. Neither has a terminal.", HelpName = "'NAME=INJECT ;; HEAL'", DefaultValueFactory = _ => [] };
    private readonly Option<Shown<TimeSpan>> _every = Arguments.Duration("--every", "Mean time between two faults.", TimeSpan.FromSeconds(6), TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
    private readonly Option<Shown<double>> _calm = Arguments.Share("--calm", "Share of the storm in calm windows, without a new fault.", 0.2, 0.9);
    private readonly Option<Shown<TimeSpan>> _drain = Arguments.Duration("--drain-limit", "How long it may take to catch up, and to drain.", TimeSpan.FromMinutes(3), TimeSpan.FromSeconds(1), TimeSpan.FromHours(24));
    private readonly Option<TimeSpan?> _window = Arguments.OptionalDuration("--window", "How long throughput is measured as fast as the deployment takes it, before the first fault and after the last. Default: an eighth of --duration, 4s to 15s.", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
    private readonly Option<Shown<double>> _recovered = Arguments.Share("--recovered", "Share of that throughput before that must be there again after; with 0% it is not measured.", Recovery.Standard, 1);
    private readonly Option<int> _memory = Arguments.Number("--max-memory-megabytes", "Resident memory that no service may exceed at any time, where it can be seen: of what the storm starts itself.", 1024, 64, 1_000_000);
    private readonly Option<DirectoryInfo?> _output = new("--output") { Description = "Folder of chaos-report.html, chaos-report.json, chaos.log, journal.jsonl and what the services print; it must hold no earlier report. Default: ./chaos-TIME.", HelpName = "FOLDER" };

    public void AddTo(Command command)
    {
        _target.AddTo(command);
        foreach (var option in (Option[])[_duration, _keys])
        {
            command.Add(option);
        }

        _load.AddTo(command);
        foreach (var option in (Option[])[_faults, _atLeast, _commands, _every, _calm, _window, _recovered, _drain, _memory, _output])
        {
            command.Add(option);
        }

        _deployment.AddTo(command);
        Arguments.Check(command, result =>
        {
            CheckWindow(result);
            FaultMix.Parse(result.GetValue(_faults) ?? FaultMix.Standard, result.GetValue(_atLeast) ?? "", CheckCommands(result), result.AddError);
        });
    }

    public ChaosSettings Read(ParseResult arguments)
    {
        var now = TimeProvider.System.GetUtcNow();
        var output = arguments.GetValue(_output)?.FullName ?? Path.GetFullPath($"chaos-{now:yyyyMMdd-HHmmss}");
        var settings = new ChaosSettings
        {
            Target = TargetKind.Urls,
            Output = output,
            Load = _load.Read(arguments),
            Duration = arguments.GetValue(_duration),
            Keys = arguments.GetValue(_keys),
            Mix = FaultMix.Parse(arguments.GetValue(_faults)!, arguments.GetValue(_atLeast)!, [.. arguments.GetValue(_commands)!.Select(FaultKind.ParseCommand).OfType<FaultKind>()], _ => { }),
            Every = arguments.GetValue(_every),
            Calm = arguments.GetValue(_calm),
            GivenWindow = arguments.GetValue(_window),
            Recovered = arguments.GetValue(_recovered),
            DrainLimit = arguments.GetValue(_drain),
            MaxMemoryMegaBytes = arguments.GetValue(_memory),
            Database = _deployment.Database(arguments),
            Broker = _deployment.Broker(arguments),
            Effects = _deployment.Effects(arguments),
            AllowForgotten = _deployment.AllowForgotten(arguments),
        };
        return _target.Read(arguments, settings);
    }

    /// <returns>Those that can be told from all others by their names.</returns>
    private List<FaultKind> CheckCommands(CommandResult result)
    {
        var kinds = new List<FaultKind>();
        foreach (var text in result.GetValue(_commands) ?? [])
        {
            if (FaultKind.ParseCommand(text) is not { } kind)
            {
                result.AddError($"--fault-command is '{text}'; it must be NAME=INJECT COMMAND ;; HEAL COMMAND, the name of letters, digits and dashes.");
            }
            else if (FaultKind.BuiltIn.Concat(kinds).Any(other => other.Name == kind.Name))
            {
                result.AddError($"--fault-command has the name '{kind.Name}', which another fault has already; choose another name.");
            }
            else
            {
                kinds.Add(kind);
            }
        }

        return kinds;
    }

    /// <summary>From the text: a validator is shown no defaults, and what cannot be read has an error of its own.</summary>
    private void CheckWindow(CommandResult result)
    {
        var duration = Given(result, _duration) ?? StandardDuration;
        if (Given(result, _window) is { } window && window * 4 > duration)
        {
            result.AddError($"--window is {Quantity.Text(window)}; two of them must leave half of --duration {Quantity.Text(duration)} to the storm.");
        }

        if (result.GetResult(_window) is { Tokens.Count: > 0 } && result.GetResult(_recovered) is { Tokens: [var wanted, ..] } && Quantity.Share(wanted.Value) is 0)
        {
            result.AddError("--window is how long throughput is measured, and with --recovered 0% it is not; leave one of them out.");
        }
    }

    private static TimeSpan? Given(CommandResult result, Option option) => Quantity.Duration(result.GetResult(option) is { Tokens: [var text, ..] } ? text.Value : "");
}
