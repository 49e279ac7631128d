namespace Messaging.Cli;

/// <summary>
/// Where the effects of an operation are: a table with the columns <c>client</c> and <c>idempotency_key</c>, one row an effect. If it
/// also has <c>currency</c> and <c>amount</c>, <c>Balances</c> names the table of their sums by client and currency. Without a table the effect
/// is not to be seen, as an e-mail is not, and only the outcome is looked at.
/// </summary>
internal sealed record EffectTable(string Operation, string? Table, string? Balances = null)
{
    public static readonly IReadOnlyList<EffectTable> Standard = [new("submit-order", "orders"), new("capture-payment", "ledger", "balances")];

    /// <summary><c>TABLE</c>, <c>OPERATION=TABLE</c>, <c>OPERATION=TABLE:BALANCES</c> or <c>OPERATION=-</c>, which has none; null when it cannot be read.</summary>
    public static EffectTable? Parse(string text)
    {
        var (operation, tables) = text.Split('=') switch
        {
            [var table] => (Standard[0].Operation, table),
            [var name, var table] when name.Length > 0 => (name, table),
            _ => ("", ""),
        };
        return tables.Split(':') switch
        {
            ["-"] when text != tables => new EffectTable(operation, null),
            [var table] when IsName(table) => new EffectTable(operation, table),
            [var table, var balances] when IsName(table) && IsName(balances) => new EffectTable(operation, table, balances),
            _ => null,
        };
    }

    /// <summary>It becomes part of a statement: letters, digits, underscores, and a dot behind a schema.</summary>
    private static bool IsName(string text) => text.Length > 0 && !text.StartsWith('.') && !text.EndsWith('.') && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.');
}
