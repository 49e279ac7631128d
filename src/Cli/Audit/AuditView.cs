using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Messaging.Cli;

/// <summary>The report of an audit, for people and for machines.</summary>
internal static class AuditView
{
    public static void Write(AuditReport report, IAnsiConsole console)
    {
        console.Write(Table(report.Invariants));
        foreach (var invariant in report.Invariants.Where(i => i.Offending.Count > 0))
        {
            console.WriteLine($"{invariant.Id}, what offends:");
            foreach (var key in invariant.Shown())
            {
                console.WriteLine("  " + key);
            }
        }

        console.WriteLine($"{report.Parked} parked, {report.Outgoing} outgoing rows{string.Concat(report.Queues.Select(q => ", " + q))}");
        console.WriteLine(report.Verdict);
        if (report.Incomplete is { } why)
        {
            console.WriteLine($"INCOMPLETE: {why}");
        }
    }

    public static string Json(AuditReport report) => JsonSerializer.Serialize(report, AuditJson.Default.AuditReport);

    public static Table Table(IReadOnlyList<InvariantResult> invariants)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn("invariant").AddColumn("").AddColumn("figures");
        foreach (var invariant in invariants)
        {
            table.AddRow(invariant.Id, invariant.Name, invariant.State switch
            {
                CheckState.Holds => "[green]holds[/]",
                CheckState.Violated => "[red]violated[/]",
                _ => "[yellow]not checked[/]",
            }, Markup.Escape(invariant.Figures));
        }

        return table;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(AuditReport))]
internal sealed partial class AuditJson : JsonSerializerContext;
