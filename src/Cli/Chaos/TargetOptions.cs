using System.CommandLine;
using System.CommandLine.Parsing;
using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>What is put under load and faults.</summary>
internal sealed class TargetOptions
{
    private readonly Option<Shown<TargetKind>> _target = Arguments.Choice<TargetKind>("--target", "What to put under load and faults.");
    private readonly Option<IReadOnlyList<Uri>> _urls = Arguments.Addresses("--url", "Publishers (urls, compose), with the path in front of /api where there is one; several share the load in turn.", "http://localhost:8080", required: false, "http", "https");
    private readonly Option<string?> _apiKey = new("--api-key") { Description = "Sent as X-Api-Key (urls, compose).", HelpName = "KEY" };
    private readonly Option<DirectoryInfo?> _data = new("--data") { Description = "Standalone's data folder. Default: a new one below --output.", HelpName = "FOLDER" };
    private readonly Option<int> _publishers = Arguments.Number("--publishers", "Publishers to start (processes).", 2, 1, 100);
    private readonly Option<int> _consumers = Arguments.Number("--consumers", "Consumers to start (processes).", 3, 1, 100);
    private readonly Option<FileInfo?> _publisher = new("--publisher") { Description = "Messaging.Publisher.dll. Default: beside this program, or as built in its checkout.", HelpName = "FILE" };
    private readonly Option<FileInfo?> _consumer = new("--consumer") { Description = "Messaging.Consumer.dll, likewise.", HelpName = "FILE" };
    private readonly Option<FileInfo?> _standalone = new("--standalone") { Description = "Messaging.Standalone.dll, likewise.", HelpName = "FILE" };
    private readonly Option<string[]> _settings = new("--set") { Description = "A setting of the services that are started; may be given several times; of one name the last counts.", HelpName = "Section__Name=VALUE", DefaultValueFactory = _ => [] };
    private readonly Option<FileInfo> _file = new("--file") { Description = "The compose file.", DefaultValueFactory = _ => new FileInfo("docker-compose.yml") };
    private readonly Option<string> _compose = new("--compose-command") { Description = "How compose is called.", HelpName = "COMMAND", DefaultValueFactory = _ => "docker compose" };
    private readonly Option<string[]> _publisherServices = Services("--publisher-services", "The publishers' services in it.", "publisher");
    private readonly Option<string[]> _consumerServices = Services("--consumer-services", "The consumers'.", "consumer-1", "consumer-2");

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_target, _urls, _apiKey, _data, _publishers, _consumers, _publisher, _consumer, _standalone, _settings, _file, _compose, _publisherServices, _consumerServices])
        {
            command.Add(option);
        }

        Arguments.Check(command, Check);
    }

    public ChaosSettings Read(ParseResult arguments, ChaosSettings settings)
    {
        TargetKind target = arguments.GetValue(_target);
        var data = arguments.GetValue(_data)?.FullName ?? Path.Combine(settings.Output, "data");
        return settings with
        {
            Target = target,
            Urls = arguments.GetValue(_urls)!,
            Load = settings.Load with { ApiKey = arguments.GetValue(_apiKey) },
            Data = data,
            Database = target == TargetKind.Standalone ? new DatabaseOptions(DatabaseProvider.Sqlite, $"Data Source={Path.Combine(data, "messaging.db")}") : settings.Database,
            Publishers = arguments.GetValue(_publishers),
            Consumers = arguments.GetValue(_consumers),
            Publisher = arguments.GetValue(_publisher),
            Consumer = arguments.GetValue(_consumer),
            Standalone = arguments.GetValue(_standalone),
            ServiceSettings = arguments.GetValue(_settings)!.Select(s => s.Split('=', 2)).GroupBy(s => s[0], s => s[^1], StringComparer.Ordinal).ToDictionary(s => s.Key, s => s.Last(), StringComparer.Ordinal),
            ComposeFile = arguments.GetValue(_file),
            ComposeCommand = arguments.GetValue(_compose)!,
            PublisherServices = arguments.GetValue(_publisherServices)!,
            ConsumerServices = arguments.GetValue(_consumerServices)!,
        };
    }

    private void Check(CommandResult result)
    {
        if (result.GetResult(_target) is null)
        {
            return;
        }

        TargetKind target = result.GetValue(_target);
        if (target == TargetKind.Processes && ((result.GetValue<string?>("--postgres") is null && result.GetValue<string?>("--database") is null) || result.GetValue<Uri?>("--rabbitmq") is null))
        {
            result.AddError("--target processes needs --postgres STRING (or --database and --connection) and --rabbitmq URI.");
        }

        if (target is TargetKind.Urls or TargetKind.Compose && result.GetValue(_urls) is not { Count: > 0 })
        {
            result.AddError($"--target {target.ToString().ToLowerInvariant()} needs --url, the address of a publisher.");
        }

        if (result.GetValue(_compose) is { } compose && string.IsNullOrWhiteSpace(compose))
        {
            result.AddError($"--compose-command is '{compose}'; it must be how compose is called, such as 'docker compose' or docker-compose.");
        }

        foreach (var setting in (result.GetValue(_settings) ?? []).Where(s => s.IndexOf('=', StringComparison.Ordinal) <= 0))
        {
            result.AddError($"--set is '{setting}'; it must be Section__Name=VALUE.");
        }
    }

    private static Option<string[]> Services(string name, string description, params string[] standard) =>
        new(name) { Description = description, HelpName = "SERVICE", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => standard };
}
