using System.CommandLine;
using Messaging.Transactional;

namespace Messaging.Cli;

/// <summary>Where a deployment keeps its data: the same options for <c>audit</c> and <c>chaos</c>.</summary>
internal sealed class DeploymentOptions
{
    private readonly Option<string?> _provider = new("--database") { Description = "The kind of database.", HelpName = "postgres|sqlite|sqlserver" };
    private readonly Option<string?> _connection = new("--connection") { Description = "Its connection string, as in ConnectionStrings__Orders.", HelpName = "STRING" };
    private readonly Option<string?> _postgres = new("--postgres") { Description = "Short for --database postgres --connection STRING.", HelpName = "STRING" };
    private readonly Option<Uri?> _broker = Arguments.Address("--rabbitmq", "The broker, user and password included.", "amqp://user:password@host:5672/vhost", "amqp", "amqps");
    private readonly Option<Uri?> _management = Arguments.Address("--management", "Its management plugin, which alone sees unacknowledged deliveries; the same user and password.", "http://host:15672", "http", "https");
    private readonly Option<string[]> _queues = new("--queues") { Description = "The queues to look at.", HelpName = "NAME", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. BrokerSettings.StandardQueues] };

    private readonly Option<IReadOnlyList<EffectTable>> _effects = new("--effects")
    {
        Description = "Where effects are: TABLE, OPERATION=TABLE or OPERATION=TABLE:BALANCES; OPERATION=- where no table holds them, and only outcomes are looked at. A table has the columns client and idempotency_key; with balances also currency and amount. Default: submit-order=orders capture-payment=ledger:balances.",
        HelpName = "OPERATION=TABLE",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result =>
        {
            foreach (var token in result.Tokens.Where(token => EffectTable.Parse(token.Value) is null))
            {
                result.AddError($"--effects is '{token.Value}'; it must be TABLE, OPERATION=TABLE, OPERATION=TABLE:BALANCES or OPERATION=-, of letters, digits, underscores and dots.");
            }

            return [.. result.Tokens.Select(token => EffectTable.Parse(token.Value)).OfType<EffectTable>()];
        },
    };

    private readonly Option<bool> _allowForgotten = new("--allow-forgotten") { Description = "Effects whose key was deleted by retention (neither submission nor inbox row) are counted, not judged." };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_provider, _connection, _postgres, _broker, _management, _queues, _effects, _allowForgotten])
        {
            command.Add(option);
        }

        Arguments.Check(command, result =>
        {
            var provider = result.GetValue(_provider);
            if (provider is not null and not ("postgres" or "sqlite" or "sqlserver"))
            {
                result.AddError($"--database is '{provider}'; it must be postgres, sqlite or sqlserver.");
            }

            if (provider is null != result.GetValue(_connection) is null)
            {
                result.AddError("--database and --connection belong together; give both, or --postgres STRING.");
            }

            if (result.GetValue(_management) is not null && result.GetValue(_broker) is null)
            {
                result.AddError("--management needs --rabbitmq, whose user, password and virtual host it takes.");
            }
        });
    }

    /// <summary>Null when no database is named.</summary>
    public DatabaseOptions? Database(ParseResult arguments) => arguments.GetValue(_postgres) is { } postgres
        ? new DatabaseOptions(DatabaseProvider.PostgreSql, postgres)
        : (arguments.GetValue(_provider), arguments.GetValue(_connection)) switch
        {
            ("postgres", { } connection) => new DatabaseOptions(DatabaseProvider.PostgreSql, connection),
            ("sqlite", { } connection) => new DatabaseOptions(DatabaseProvider.Sqlite, connection.Contains('=', StringComparison.Ordinal) ? connection : $"Data Source={connection}"),
            ("sqlserver", { } connection) => new DatabaseOptions(DatabaseProvider.SqlServer, connection),
            _ => null,
        };

    public BrokerSettings? Broker(ParseResult arguments) =>
        arguments.GetValue(_broker) is { } address ? new BrokerSettings(address, arguments.GetValue(_management), arguments.GetValue(_queues)!) : null;

    public IReadOnlyList<EffectTable> Effects(ParseResult arguments) => arguments.GetValue(_effects) is { Count: > 0 } effects ? effects : EffectTable.Standard;

    public bool AllowForgotten(ParseResult arguments) => arguments.GetValue(_allowForgotten);
}
