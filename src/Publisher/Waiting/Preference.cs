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
            foreach (var preference in (line ?? "").Split(','))
            {
                var parts = preference.Split(';')[0].Split('=', 2);
                if (parts[0].Trim().Equals("wait", StringComparison.OrdinalIgnoreCase))
                {
                    return parts.Length == 2 && Seconds(parts[1].Trim().Trim('"')) is { } seconds ? Math.Min(seconds, maxSeconds) : null;
                }
            }
        }

        return null;
    }

    private static int? Seconds(string text) =>
        text.Length > 0 && text.All(char.IsAsciiDigit) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : null;
}
