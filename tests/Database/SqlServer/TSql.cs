using Microsoft.SqlServer.TransactSql.ScriptDom;

namespace Messaging.Database;

/// <summary>SQL Server's own grammar (2022), without the server.</summary>
internal static class TSql
{
    public static void AssertParses(string name, string text)
    {
        Assert.NotEqual("", text.Trim());
        using var reader = new StringReader(text);
        var script = new TSql160Parser(initialQuotedIdentifiers: true).Parse(reader, out var errors);
        Assert.True(errors.Count == 0, $"{name}: {string.Join("; ", errors.Select(e => $"line {e.Line}: {e.Message}"))}\n{text}");
        Assert.NotEmpty(((TSqlScript)script).Batches);
    }
}
