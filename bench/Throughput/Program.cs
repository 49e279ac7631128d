using System.CommandLine;
using Messaging.Throughput;

// A contender runs in a process of its own, so that none profits from what another has warmed up, or suffers from its garbage.
if (args is [Contender.Argument, var name])
{
    return await Contender.RunAsync(name);
}

var rounds = new Option<int>("--rounds") { Description = "Interleaved rounds, there and back; medians are taken over them. Fewer than three judge nothing.", DefaultValueFactory = _ => 3 };
var messages = new Option<int>("--messages") { Description = "Deliveries of a consume run; the other runs scale with it.", DefaultValueFactory = _ => 120_000 };
var rows = new Option<int>("--inbox-rows") { Description = "Keys that the large inbox remembers; made once a session.", DefaultValueFactory = _ => 10_000_000 };
var backlog = new Option<int>("--backlog") { Description = "Messages before the consumers whose memory is watched; once a session.", DefaultValueFactory = _ => 1_000_000 };
var only = new Option<string[]>("--only") { Description = "consume, effects, scale, backlog, http, dispatch, sqlite, latency; or part of a contender's name.", AllowMultipleArgumentsPerToken = true };
var quick = new Option<bool>("--quick") { Description = "One round of tiny numbers: shows that it still runs, says nothing of speed." };
var output = new Option<string?>("--output") { Description = "Where to write the table; default bench/results/<date>-<time>.md, and nowhere with --quick." };
var root = new RootCommand("Throughput of ours and of others, side by side, each run verified.") { rounds, messages, rows, backlog, only, quick, output };
root.SetAction((parsed, cancellationToken) => new Session(new SessionOptions(
    parsed.GetValue(quick) ? 1 : parsed.GetValue(rounds),
    parsed.GetValue(quick) ? 2_000 : parsed.GetValue(messages),
    parsed.GetValue(quick) ? 20_000 : parsed.GetValue(rows),
    parsed.GetValue(quick) ? 5_000 : parsed.GetValue(backlog),
    parsed.GetValue(only) ?? [],
    parsed.GetValue(quick),
    parsed.GetValue(output))).RunAsync(cancellationToken));
return await root.Parse(args).InvokeAsync();
