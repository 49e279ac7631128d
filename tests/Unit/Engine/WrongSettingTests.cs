using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Messaging.Unit;

public sealed class WrongSettingTests
{
    [Theory]
    [InlineData("Database:Provider", "Oracle", "Database__Provider is 'Oracle'. Set it to Sqlite, PostgreSql or SqlServer.")]
    [InlineData("ConnectionStrings:Orders", "", "ConnectionStrings__Orders is not set.")]
    [InlineData("ConnectionStrings:Orders", "Nonsense=1", "ConnectionStrings__Orders is 'unreadable: ")]
    [InlineData("Inbox:MaxBatchSize", "0", "Inbox__MaxBatchSize: The field InboxOptions.MaxBatchSize must be between 1 and 2000.")]
    [InlineData("Inbox:MaxBatchSize", "abc", "Inbox__MaxBatchSize is 'abc'. Set it to a whole number in its range.")]
    [InlineData("Inbox:MaxBatchSize", "9999999999", "Inbox__MaxBatchSize is '9999999999'. Set it to a whole number in its range.")]
    [InlineData("Inbox:MaxBatchSize", "it's", "Inbox__MaxBatchSize is 'it's'. Set it to a whole number in its range.")]
    [InlineData("Dispatch:RequireSubscribers", "maybe", "Dispatch__RequireSubscribers is 'maybe'. Set it to true or false.")]
    [InlineData("Logging:LogLevel:Default", "loud", "Logging__LogLevel__…: Configuration value 'loud' is not supported. Set it to Trace, Debug,")]
    [InlineData("urls", "http://localhost:5080;nonsense", "ASPNETCORE_URLS is 'nonsense'. Set it to addresses like http://localhost:5080")]
    [InlineData("urls", "ftp://localhost", "ASPNETCORE_URLS is 'ftp://localhost'.")]
    public async Task A_wrong_setting_is_told_in_one_line_that_names_it(string setting, string value, string line)
    {
        var told = WrongSetting.Describe(await Assert.ThrowsAnyAsync<Exception>(() => StartAsync((setting, value)))) ?? "";

        Assert.StartsWith(line, told, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', told);
    }

    /// <summary>SQL Server's driver reads its connection string only when it connects, PostgreSQL's has words of its own.</summary>
    [Theory]
    [InlineData(DatabaseProvider.Sqlite)]
    [InlineData(DatabaseProvider.PostgreSql)]
    [InlineData(DatabaseProvider.SqlServer)]
    public async Task A_connection_string_that_the_driver_cannot_read_is_told_at_start(DatabaseProvider provider)
    {
        foreach (var text in (string[])["Nonsense=1", "nonsense"])
        {
            var refusal = await Assert.ThrowsAsync<SettingException>(() => StartAsync(("Database:Provider", provider.ToString()), ("ConnectionStrings:Orders", text)));

            Assert.StartsWith("ConnectionStrings__Orders is 'unreadable: ", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Several_wrong_settings_are_told_in_a_line_each()
    {
        var told = WrongSetting.Describe(await Assert.ThrowsAsync<AggregateException>(() => StartAsync(("Inbox:MaxBatchSize", "0"), ("Accept:MaxGroupSize", "0"))));

        Assert.Equal(["Accept__MaxGroupSize", "Inbox__MaxBatchSize"], told!.Split(Environment.NewLine).Select(line => line.Split(':')[0]).Order());
    }

    [Fact]
    public Task Usable_settings_pass() => StartAsync(("Inbox:MaxBatchSize", "10"), ("urls", "http://*:5080;https://[::1]:5081"));

    [Fact]
    public void What_is_no_setting_is_not_taken_for_one()
    {
        Assert.Null(WrongSetting.Describe(new InvalidOperationException("Failed to convert configuration value 'a' at 'b' to type 'c'.")));
        Assert.Null(WrongSetting.Describe(new AggregateException()));
        Assert.Null(WrongSetting.Describe(new AggregateException(new SettingException("A__B", null, "c"), new InvalidOperationException())));
    }

    [Fact]
    public async Task A_program_with_a_wrong_setting_ends_with_2_and_any_other_error_is_thrown_on()
    {
        Assert.Equal(7, await WrongSetting.TellAsync(() => Task.FromResult(7)));
        Assert.Equal(2, await WrongSetting.TellAsync(() => throw new SettingException("A__B", null, "c")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => WrongSetting.TellAsync(() => throw new InvalidOperationException()));
    }

    private static async Task StartAsync(params (string, string)[] settings)
    {
        var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Database:Provider"] = "Sqlite", ["ConnectionStrings:Orders"] = "Data Source=unused.db" });
        configuration.AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2)));
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration);
        services.AddLogging(logging => logging.AddConfiguration(configuration.GetSection("Logging")));
        services.AddTransactional(configuration);
        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<ILoggerFactory>();
        WrongSetting.Check(provider);
    }
}
