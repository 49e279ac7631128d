using System.CommandLine;
using Messaging.Cli;

namespace Messaging.Unit;

public sealed class OptionTests
{
    [Theory]
    [InlineData("60s", 60_000)]
    [InlineData("500ms", 500)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("3m", 180_000)]
    public void Durations_have_a_unit(string text, double milliseconds) => Assert.Equal(milliseconds, Quantity.Duration(text)?.TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("60")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("5d")]
    public void What_is_no_duration_is_none(string text) => Assert.Null(Quantity.Duration(text));

    [Theory]
    [InlineData("30%", 0.3)]
    [InlineData("0.5%", 0.005)]
    [InlineData("101%", null)]
    [InlineData("0.3", null)]
    public void Shares_are_percentages(string text, double? share) => Assert.Equal(share, Quantity.Share(text));

    [Theory]
    [InlineData("chaos --target standalone --duration 5s", "--duration is '5s'; it must be a duration from 15s")]
    [InlineData("chaos --target standalone --window 60s", "--window is 1m; two of them must leave half of --duration 3m")]
    [InlineData("chaos --target standalone --window 5s --recovered 0%", "with --recovered 0% it is not")]
    [InlineData("chaos --target standalone --duplicates 30", "--duplicates is '30'")]
    [InlineData("chaos --target standalone --faults kill-everyone=1", "kill-everyone")]
    [InlineData("chaos --target standalone --faults kill-consumer", "--faults has 'kill-consumer'")]
    [InlineData("chaos --target standalone --faults kill-consumer=0", "--faults leaves no fault to do")]
    [InlineData("chaos --target standalone --at-least kill-consumer=-1", "--at-least has 'kill-consumer=-1'")]
    [InlineData("chaos --target standalone --fault-command nothing", "--fault-command is 'nothing'")]
    [InlineData("chaos --target processes", "--target processes needs --postgres")]
    [InlineData("chaos --target urls", "--target urls needs --url")]
    [InlineData("chaos --target compose --url http://a --compose-command ", "--compose-command is ''; it must be how compose is called")]
    [InlineData("chaos --target foo", "--target is 'foo'; it must be one of standalone, processes, compose, urls.")]
    [InlineData("chaos --target 3", "--target is '3'")]
    [InlineData("chaos --target processes --postgres x --rabbitmq nowhere", "--rabbitmq cannot be read")]
    [InlineData("chaos --target standalone --fault-command kill-consumer=true", "--fault-command has the name 'kill-consumer'")]
    [InlineData("chaos --target standalone --fault-command a=true --fault-command a=false", "--fault-command has the name 'a'")]
    [InlineData("chaos --target standalone --seed abc", "--seed is 'abc'; it must be a whole number")]
    [InlineData("load --url http://x --operation 1", "--operation is '1'; it must be one of orders, payments, both.")]
    [InlineData("audit --postgres a --postgres b", "--postgres")]
    [InlineData("chaos --target standalone --set nothing", "--set is 'nothing'")]
    [InlineData("load", "--url")]
    [InlineData("load --url ftp://x", "--url cannot be read")]
    [InlineData("load --url http://x --rate fast", "--rate is 'fast'")]
    [InlineData("load --url http://x --concurrency 0", "--concurrency is '0'")]
    [InlineData("audit", "Name the database")]
    [InlineData("audit --database oracle --connection x", "--database is 'oracle'")]
    [InlineData("audit --database sqlite", "--database and --connection belong together")]
    [InlineData("audit --postgres x --management http://h:15672", "--management needs --rabbitmq")]
    [InlineData("audit --postgres x --effects a;drop", "--effects is 'a;drop'")]
    public void An_argument_that_cannot_be_used_is_named_with_what_is_possible(string line, string expected)
    {
        var errors = Root().Parse(line.Split(' ')).Errors.Select(e => e.Message).ToList();

        Assert.Contains(errors, e => e.Contains(expected, StringComparison.Ordinal));
        Assert.DoesNotContain(errors, e => e.Contains("System.", StringComparison.Ordinal) || e.Contains("Messaging.Cli", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("chaos --target standalone")]
    [InlineData("chaos --target standalone --window 12s --recovered 80%")]
    [InlineData("chaos --target standalone --recovered 0%")]
    [InlineData("chaos --target Standalone --set A=1 --set A=2 --operation payments --seed 7")]
    [InlineData("chaos --target processes --postgres Host=h --rabbitmq amqp://u:p@h/v --at-least kill-consumer=60,kill-publisher=60")]
    [InlineData("chaos --target urls --url http://a http://b --fault-command a=b --at-least a=5")]
    [InlineData("chaos --target compose --url http://a --compose-command docker-compose")]
    [InlineData("load --url http://a --rate 0 --duration 1s --keys 10")]
    [InlineData("audit --database sqlite --connection f.db --effects submit-order=sales capture-payment=l:b --json")]
    public void What_the_documentation_shows_can_be_said(string line) => Assert.Empty(Root().Parse(line.Split(' ')).Errors);

    [Theory]
    [InlineData("chaos --duration 5s", "messaging chaos --help")]
    [InlineData("chaos --target compose --url http://a --compose-command ", "messaging chaos --help")]
    [InlineData("audit --nothing", "messaging audit --help")]
    [InlineData("storm", "messaging --help")]
    public void Wrong_arguments_are_no_verdict_and_are_told_without_the_whole_help(string line, string hint)
    {
        using var told = new StringWriter();

        Assert.Equal(2, WrongArguments.Tell(Root().Parse(line.Split(' ')), told));
        Assert.Contains(hint, told.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Usage:", told.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("load --url http://localhost:1 --journal FOLDER")]
    [InlineData("load --url http://localhost:1 --journal FOLDER/nothing/there/journal")]
    [InlineData("load --url http://localhost:1 --journal FILE")]
    [InlineData("chaos --target standalone --output FILE")]
    [InlineData("chaos --target standalone --output REPORTED")]
    public async Task A_path_that_cannot_be_written_to_or_holds_an_earlier_run_is_refused(string line)
    {
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var file = Path.Combine(folder, "file");
            var report = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "reported")).FullName, "chaos-report.json");
            await File.WriteAllTextAsync(file, "x", TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(report, "x", TestContext.Current.CancellationToken);
            string[] words =
            [
                .. line.Split(' ').Select(word => word.Replace("FOLDER", folder, StringComparison.Ordinal).Replace("FILE", file, StringComparison.Ordinal)
                    .Replace("REPORTED", Path.GetDirectoryName(report), StringComparison.Ordinal)),
            ];

            Assert.Equal(2, await Root().Parse(words).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(("x", "x"), (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Every_default_that_the_help_shows_can_be_given()
    {
        foreach (var command in Root().Subcommands)
        {
            foreach (var option in command.Options.Where(o => o.HasDefaultValue && o.GetDefaultValue() is { } value && value.GetType() is { IsValueType: true } type && type != typeof(bool)))
            {
                var errors = Root().Parse([command.Name, option.Name, option.GetDefaultValue()!.ToString()!]).Errors;

                Assert.DoesNotContain(errors, e => e.Message.StartsWith(option.Name, StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData(0.25, "250ms")]
    [InlineData(0, "0s")]
    [InlineData(90, "1m30s")]
    [InlineData(180, "3m")]
    [InlineData(86_400, "24h")]
    public void A_whole_duration_is_written_as_it_is_read(double seconds, string text) => Assert.Equal(text, Quantity.Text(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Of_one_setting_given_twice_the_last_counts()
    {
        var options = new ChaosOptions();
        var command = new Command("chaos");
        options.AddTo(command);

        Assert.Equal("2", options.Read(command.Parse("--target standalone --set A=1 --set A=2")).ServiceSettings["A"]);
    }

    [Fact]
    public void A_fault_command_is_a_name_what_injects_and_what_heals()
    {
        Assert.Equal(("broker-restart", "stop it", "start it"), Parts("broker-restart=stop it ;; start it"));
        Assert.Equal(("x", "a=b; c", null), Parts("x=a=b; c"));
        Assert.Null(FaultKind.ParseCommand("=a"));
        Assert.Null(FaultKind.ParseCommand("two words=a"));
        Assert.Null(FaultKind.ParseCommand("x= ;; heal"));
    }

    [Fact]
    public void Commands_that_harm_the_same_thing_wait_for_each_other()
    {
        Assert.Equal(FaultKind.ParseCommand("broker-restart=a")!.Gate, FaultKind.ParseCommand("broker-data=b")!.Gate);
        Assert.NotEqual(FaultKind.ParseCommand("broker-restart=a")!.Gate, FaultKind.ParseCommand("database-restart=b")!.Gate);
    }

    [Fact]
    public void An_effect_table_is_named_alone_with_its_operation_or_with_its_balances()
    {
        Assert.Equal(new EffectTable("submit-order", "sales"), EffectTable.Parse("sales"));
        Assert.Equal(new EffectTable("pay", "shop.entries", "sums"), EffectTable.Parse("pay=shop.entries:sums"));
        Assert.Equal(new EffectTable("notify", null), EffectTable.Parse("notify=-"));
        Assert.Null(EffectTable.Parse("-"));
        Assert.Null(EffectTable.Parse("notify=-:sums"));
        Assert.Null(EffectTable.Parse("pay=a b"));
        Assert.Null(EffectTable.Parse("=a"));
    }

    private static (string, string?, string?) Parts(string text) => FaultKind.ParseCommand(text) is { } kind ? (kind.Name, kind.Inject, kind.Heal) : default;

    private static RootCommand Root() => [LoadCommand.Create(), AuditCommand.Create(), ChaosCommand.Create()];
}
