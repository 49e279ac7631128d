using Messaging.Publisher;

namespace Messaging.Unit;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("", Command.Serve)]
    [InlineData("--urls http://localhost:5090", Command.Serve)]
    [InlineData("--urls=http://localhost:5090 --Limits:MaxBodyBytes 4096", Command.Serve)]
    [InlineData("migrate", Command.Migrate)]
    [InlineData("migrate --Database:Provider Sqlite", Command.Migrate)]
    [InlineData("--help", Command.Help)]
    [InlineData("migrate --help", Command.Help)]
    [InlineData("-h", Command.Help)]
    [InlineData("migrat", Command.Unknown)]
    [InlineData("migrate again", Command.Unknown)]
    [InlineData("--urls", Command.Unknown)]
    [InlineData("--hlep", Command.Unknown)]
    [InlineData("-x", Command.Unknown)]
    public void Arguments_are_understood_or_refused(string args, object expected) =>
        Assert.Equal(expected, CommandLine.Read(args.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}
