using System.CommandLine;
using Messaging.Standalone;
using Messaging.Transactional;
using Microsoft.Extensions.Options;

var data = new Option<DirectoryInfo>("--data")
{
    Description = "Folder of the database file; it is made when missing.",
    DefaultValueFactory = _ => new DirectoryInfo("data"),
};
var demo = new Option<int?>("--demo")
{
    Description = "Submit so many orders, each three times, restart the consuming side in between, and tell the verdict. 1 to 1,000,000.",
};
demo.Validators.Add(result =>
{
    if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var orders) && orders is < 1 or > 1_000_000)
    {
        result.AddError($"--demo is {orders}; 1 to 1000000 orders are possible.");
    }
});

var command = new RootCommand(
    "Publisher and consumer in one process, on SQLite and an in-memory transport: exactly-once order submission with nothing to install. "
    + "Listens on http://localhost:5080, or where ASPNETCORE_URLS says.")
{
    data, demo,
};
command.SetAction(async (arguments, cancellationToken) =>
{
    var folder = arguments.GetValue(data)!.FullName;
    try
    {
        return arguments.GetValue(demo) is { } orders
            ? await Demo.RunAsync(folder, orders, cancellationToken)
            : await StandaloneHost.RunAsync(folder, cancellationToken);
    }
    catch (SettingException failure)
    {
        // The operator's to mend: the message names the setting, a stack trace would bury it.
        await Console.Error.WriteLineAsync(failure.Message);
        return 2;
    }
    catch (OptionsValidationException failure)
    {
        await Console.Error.WriteLineAsync(SettingException.Describe(failure));
        return 2;
    }
});
return await command.Parse(args).InvokeAsync();
