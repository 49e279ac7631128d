using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Messaging.Publisher;

/// <summary>The wait that a caller prefers (RFC 7240 §4.3). A preference that cannot be read is no error: it is ignored.</summary>
internal static class Preference
{
    /// <summary>Seconds to wait, capped; null when none are asked for. The first <c>wait</c> counts, as the RFC says of repetitions.</summary>
    public static int? WaitSeconds(StringValues header, int maxSeconds)
    {
        foreach (var line in header)
        {
            foreach (var preference in Split(line ?? "", ','))
            {
                var parts = Split(preference, ';').First().Split('=', 2);
                if (parts[0].Trim().Equals("wait", StringComparison.OrdinalIgnoreCase))
                {
                    return parts.Length == 2 && Seconds(parts[1].Trim().Trim('"')) is { } seconds ? Math.Min(seconds, maxSeconds) : null;
                }
            }
        }

        return null;
    }

    /// <summary>A separator inside a quoted string separates nothing.</summary>
    private static IEnumerable<string> Split(string text, char separator)
    {
        var (start, quoted, escaped) = (0, false, false);
        for (var at = 0; at < text.Length; at++)
        {
            if (escaped)
            {
                escaped = false;
            }
            else if (quoted && text[at] == '\\')
            {
                escaped = true;
            }
            else if (text[at] == '"')
            {
                quoted = !quoted;
            }
            else if (text[at] == separator && !quoted)
            {
                yield return text[start..at];
                start = at + 1;
            }
        }

        yield return text[start..];
    }

    /// <summary>More seconds than a number holds are many, and capped like any others.</summary>
    private static int? Seconds(string text) =>
        text.Length == 0 || !text.All(char.IsAsciiDigit) ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds
        : int.MaxValue;
}
