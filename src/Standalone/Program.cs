using System.CommandLine;
using Messaging.Standalone;
using Messaging.Transactional;

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
command.SetAction((arguments, cancellationToken) => WrongSetting.TellAsync(() =>
{
    var folder = arguments.GetValue(data)!.FullName;
    return arguments.GetValue(demo) is { } orders
        ? Demo.RunAsync(folder, orders, cancellationToken)
        : StandaloneHost.RunAsync(folder, cancellationToken);
}));
return await command.Parse(args).InvokeAsync();
