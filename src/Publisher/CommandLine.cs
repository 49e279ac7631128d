namespace Messaging.Publisher;

/// <summary>What the program was asked to do.</summary>
internal enum Command
{
    /// <summary>Serve HTTP until stopped.</summary>
    Serve,

    /// <summary>Bring the database schema up to date and exit.</summary>
    Migrate,

    /// <summary>Make an API key for a client.</summary>
    NewKey,

    /// <summary>Print how to use it.</summary>
    Help,

    /// <summary>It was not understood.</summary>
    Unknown,
}

/// <summary>Reads the arguments.</summary>
internal static class CommandLine
{
    public const string Usage = """
        Accepts orders and payments over HTTP, each exactly once.

        Usage: Messaging.Publisher [command] [settings]

          (none)     serve HTTP until stopped
          migrate    bring the database schema up to date and exit; several may run at once
          new-key C  make an API key for the client C, and print it with the setting that lets it in
          --help     this text

        Settings come from the environment, or as --Section:Key value:
          Database__Provider            Sqlite, PostgreSql or SqlServer
          ConnectionStrings__Orders     the database
          ConnectionStrings__RabbitMq   amqp://user:password@host:5672/, or @a,b,c/ for the nodes of a cluster
          ASPNETCORE_URLS               where to listen, also as --urls
        All others are in README.md (Settings); those of clients in docs/http.md.
        """;

    /// <summary>Settings take the form <c>--urls X</c>, <c>--environment X</c> or <c>--Section:Key X</c>, also with <c>=</c>.</summary>
    public static Command Read(ReadOnlySpan<string> args)
    {
        var command = Command.Serve;
        for (var at = 0; at < args.Length; at++)
        {
            switch (args[at])
            {
                case "--help" or "-h" or "-?" or "help":
                    return Command.Help;
                case "migrate" when at == 0:
                    command = Command.Migrate;
                    break;
                case "new-key" when at == 0 && args.Length == 2 && !args[1].StartsWith('-'):
                    return Command.NewKey;
                case var setting when IsSetting(setting) && setting.Contains('=', StringComparison.Ordinal):
                    break;
                case var setting when IsSetting(setting) && at + 1 < args.Length:
                    at++;
                    break;
                default:
                    return Command.Unknown;
            }
        }

        return command;
    }

    private static bool IsSetting(string arg) =>
        arg.StartsWith("--", StringComparison.Ordinal)
        && (arg.Contains(':', StringComparison.Ordinal)
            || arg.Contains("__", StringComparison.Ordinal)
            || arg.Split('=')[0] is "--urls" or "--environment");
}
