using System.Globalization;
using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>Publishers and consumers as processes on this machine, on a database and a broker that are there.</summary>
internal sealed class ProcessesTarget : OwnTarget
{
    private readonly string _publisher;
    private readonly string _consumer;
    private readonly Dictionary<string, string> _environment;
    private readonly string _folder;
    private readonly int _publishers;
    private readonly int _consumers;

    public ProcessesTarget(ChaosSettings settings)
    {
        _publisher = ServiceProgram.Find("Publisher", settings.Publisher);
        _consumer = ServiceProgram.Find("Consumer", settings.Consumer);
        (_folder, _publishers, _consumers) = (settings.Output, settings.Publishers, settings.Consumers);
        _environment = EnvironmentOf(
            new Dictionary<string, string>
            {
                ["Database__Provider"] = (settings.Database?.Provider ?? DatabaseProvider.PostgreSql).ToString(),
                ["ConnectionStrings__Orders"] = settings.Database?.ConnectionString ?? "",
                ["ConnectionStrings__RabbitMq"] = settings.Broker?.Address.ToString() ?? "",
                ["ASPNETCORE_ENVIRONMENT"] = "Development",
                // A storm may delete the broker's data: what is lost there should come back within the storm.
                ["Reconcile__OlderThanSeconds"] = "20",
                ["Reconcile__IntervalSeconds"] = "10",
            },
            settings.ServiceSettings);
    }

    public override string Description => string.Create(CultureInfo.InvariantCulture, $"{_publishers} publishers and {_consumers} consumers as processes, {_environment["Database__Provider"]}, RabbitMQ");

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await ShellCommand.RunAsync("dotnet", [_consumer, "migrate"], _environment, cancellationToken);
        Add(Publishers, "publisher", _publisher, _publishers);
        Add(Consumers, "consumer", _consumer, _consumers);
        await HealAsync();
    }

    private void Add(List<OwnProcess> processes, string role, string program, int count)
    {
        for (var i = 1; i <= count; i++)
        {
            processes.Add(new OwnProcess($"{role}-{i}", program, [], _environment, LoopbackPort.NextAddress(), Path.Combine(_folder, $"{role}-{i}.log")));
        }
    }
}
