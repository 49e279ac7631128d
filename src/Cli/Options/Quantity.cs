using System.Globalization;

namespace Messaging.Cli;

/// <summary>Numbers with a unit, as they are written on the command line. Null when they cannot be read.</summary>
internal static class Quantity
{
    /// <summary><c>500ms</c>, <c>60s</c>, <c>3m</c>, <c>1.5h</c>; the unit must be there.</summary>
    public static TimeSpan? Duration(string text)
    {
        var at = text.AsSpan().IndexOfAnyExceptInRange('-', '9');
        return at > 0 && Number(text[..at]) is { } number
            ? text[at..] switch
            {
                "ms" => TimeSpan.FromMilliseconds(number),
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => null,
            }
            : null;
    }

    /// <summary><c>30%</c>, from 0 to 100, as a share from 0 to 1.</summary>
    public static double? Share(string text) =>
        text.EndsWith('%') && Number(text[..^1]) is { } percent and >= 0 and <= 100 ? percent / 100 : null;

    /// <summary><c>200/s</c> or <c>200</c>.</summary>
    public static double? Rate(string text) => Number(text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text) is { } rate and >= 0 ? rate : null;

    /// <summary>Whole seconds, minutes and hours are written as they are read.</summary>
    public static string Text(TimeSpan duration) => duration switch
    {
        { Ticks: > 0 } when duration.Ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalHours}h"),
        { Ticks: > 0 } when duration.Ticks % TimeSpan.TicksPerMinute == 0 && duration.TotalHours < 1 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes}m"),
        { Ticks: 0 } => "0s",
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0}ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#}s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Minutes}m{duration.Seconds:00}s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalHours}h{duration.Minutes:00}m{duration.Seconds:00}s"),
    };

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
