using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Messaging.Cli;

/// <summary>Options with a unit and a range, whose errors name what was wrong and what is possible.</summary>
internal static class Arguments
{
    public static Option<TimeSpan> Duration(string name, string description, TimeSpan standard, TimeSpan least, TimeSpan most) => new(name)
    {
        Description = $"{description} {Quantity.Text(least)} to {Quantity.Text(most)}; units ms, s, m, h.",
        HelpName = "60s",
        DefaultValueFactory = _ => standard,
        CustomParser = result => Read<TimeSpan>(result, name, Quantity.Duration(Text(result)), d => d >= least && d <= most, $"a duration from {Quantity.Text(least)} to {Quantity.Text(most)}, such as 60s or 3m"),
    };

    /// <summary>Null when it is not given.</summary>
    public static Option<TimeSpan?> OptionalDuration(string name, string description, TimeSpan least, TimeSpan most) => new(name)
    {
        Description = $"{description} {Quantity.Text(least)} to {Quantity.Text(most)}; units ms, s, m, h.",
        HelpName = "15s",
        CustomParser = result => Read<TimeSpan>(result, name, Quantity.Duration(Text(result)), d => d >= least && d <= most, $"a duration from {Quantity.Text(least)} to {Quantity.Text(most)}, such as 15s"),
    };

    public static Option<double> Share(string name, string description, double standard, double most) => new(name)
    {
        Description = $"{description} 0% to {most * 100:0}%.",
        HelpName = "30%",
        DefaultValueFactory = _ => standard,
        CustomParser = result => Read<double>(result, name, Quantity.Share(Text(result)), share => share <= most, $"a share from 0% to {most * 100:0}%, such as 30%"),
    };

    public static Option<double> Rate(string name, string description, double standard) => new(name)
    {
        Description = description + " 0 to 100000/s.",
        HelpName = "N/s",
        DefaultValueFactory = _ => standard,
        CustomParser = result => Read<double>(result, name, Quantity.Rate(Text(result)), rate => rate <= 100_000, "a rate from 0 to 100000 a second, such as 200/s; 0 is as fast as possible"),
    };

    public static Option<int> Number(string name, string description, int standard, int least, int most, string help = "N") => new(name)
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"{description} {least} to {most}."),
        HelpName = help,
        DefaultValueFactory = _ => standard,
        CustomParser = result => Read<int>(
            result, name, int.TryParse(Text(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null, n => n >= least && n <= most, $"a whole number from {least} to {most}"),
    };

    public static Option<Uri?> Address(string name, string description, string example, params string[] schemes) => new(name)
    {
        Description = description,
        HelpName = example,
        CustomParser = result => ReadAddress(result, name, Text(result), schemes),
    };

    public static Option<IReadOnlyList<Uri>> Addresses(string name, string description, string example, bool required, params string[] schemes) => new(name)
    {
        Description = description,
        HelpName = example,
        AllowMultipleArgumentsPerToken = true,
        Required = required,
        DefaultValueFactory = required ? null! : _ => [],
        CustomParser = result => [.. result.Tokens.Select(token => ReadAddress(result, name, token.Value, schemes)).OfType<Uri>()],
    };

    private static string Text(ArgumentResult result) => result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";

    private static T Read<T>(ArgumentResult result, string name, T? value, Func<T, bool> inRange, string wanted)
        where T : struct
    {
        if (value is { } read && inRange(read))
        {
            return read;
        }

        result.AddError($"{name} is '{Text(result)}'; it must be {wanted}.");
        return default;
    }

    private static Uri? ReadAddress(ArgumentResult result, string name, string text, string[] schemes)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && schemes.Contains(address.Scheme))
        {
            return address;
        }

        // It may hold a password.
        result.AddError($"{name} cannot be read as an address; it must begin with {string.Join(" or ", schemes.Select(s => s + "://"))}.");
        return null;
    }
}
