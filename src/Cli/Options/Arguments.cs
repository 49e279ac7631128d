using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Messaging.Cli;

/// <summary>Options with a unit and a range, whose errors name what was wrong and what is possible.</summary>
internal static class Arguments
{
    public static Option<Shown<TimeSpan>> Duration(string name, string description, TimeSpan standard, TimeSpan least, TimeSpan most) => new(name)
    {
        Description = $"{description} {Quantity.Text(least)} to {Quantity.Text(most)}; units ms, s, m, h.",
        HelpName = "60s",
        DefaultValueFactory = _ => new(standard, Quantity.Text(standard)),
        CustomParser = result => ReadShown<TimeSpan>(result, name, Quantity.Duration(Text(result)), d => d >= least && d <= most, $"a duration from {Quantity.Text(least)} to {Quantity.Text(most)}, such as 60s or 3m"),
    };

    /// <summary>Null when it is not given.</summary>
    public static Option<TimeSpan?> OptionalDuration(string name, string description, TimeSpan least, TimeSpan most) => new(name)
    {
        Description = $"{description} {Quantity.Text(least)} to {Quantity.Text(most)}; units ms, s, m, h.",
        HelpName = "15s",
        CustomParser = result => Read<TimeSpan>(result, name, Quantity.Duration(Text(result)), d => d >= least && d <= most, $"a duration from {Quantity.Text(least)} to {Quantity.Text(most)}, such as 15s"),
    };

    public static Option<Shown<double>> Share(string name, string description, double standard, double most) => new(name)
    {
        Description = $"{description} 0% to {most * 100:0}%.",
        HelpName = "30%",
        DefaultValueFactory = _ => new(standard, string.Create(CultureInfo.InvariantCulture, $"{standard * 100:0.#}%")),
        CustomParser = result => ReadShown<double>(result, name, Quantity.Share(Text(result)), share => share <= most, $"a share from 0% to {most * 100:0}%, such as 30%"),
    };

    public static Option<Shown<double>> Rate(string name, string description, double standard) => new(name)
    {
        Description = description + " 0 to 100000/s.",
        HelpName = "N/s",
        DefaultValueFactory = _ => new(standard, string.Create(CultureInfo.InvariantCulture, $"{standard:0.#}/s")),
        CustomParser = result => ReadShown<double>(result, name, Quantity.Rate(Text(result)), rate => rate <= 100_000, "a rate from 0 to 100000 a second, such as 200/s; 0 is as fast as possible"),
    };

    public static Option<int> Number(string name, string description, int standard, int least, int most, string help = "N") => new(name)
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"{description} {least} to {most}."),
        HelpName = help,
        DefaultValueFactory = _ => standard,
        CustomParser = result => Read<int>(result, name, Whole(Text(result)), n => n >= least && n <= most, $"a whole number from {least} to {most}"),
    };

    /// <summary>Null when it is not given.</summary>
    public static Option<int?> OptionalNumber(string name, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => Read<int>(result, name, Whole(Text(result)), n => n >= least && n <= most, $"a whole number from {least} to {most}"),
    };

    /// <summary>One of the names of an enumeration; its numbers, which a plain option would take, are none.</summary>
    public static Option<Shown<T>> Choice<T>(string name, string description, T? standard = null)
        where T : struct, Enum => new(name)
    {
        Description = description,
        HelpName = string.Join('|', Names<T>()),
        Required = standard is null,
        DefaultValueFactory = standard is { } value ? _ => new(value, value.ToString().ToLowerInvariant()) : null!,
        CustomParser = result => ReadShown<T>(
            result, name, Names<T>().Contains(Text(result), StringComparer.OrdinalIgnoreCase) ? Enum.Parse<T>(Text(result), ignoreCase: true) : null, _ => true, "one of " + string.Join(", ", Names<T>())),
    };

    /// <summary>A check of several options together. Where one of them cannot be read, asking for it throws, and it has an error of its own.</summary>
    public static void Check(Command command, Action<CommandResult> check) => command.Validators.Add(result =>
    {
        try
        {
            check(result);
        }
        catch (InvalidOperationException)
        {
            // Told as the error of that option.
        }
    });

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

    private static int? Whole(string text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static IEnumerable<string> Names<T>()
        where T : struct, Enum => Enum.GetNames<T>().Select(n => n.ToLowerInvariant());

    private static Shown<T> ReadShown<T>(ArgumentResult result, string name, T? value, Func<T, bool> inRange, string wanted)
        where T : struct => new(Read(result, name, value, inRange, wanted), Text(result));

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
