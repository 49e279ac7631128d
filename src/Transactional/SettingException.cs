using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>A setting is missing or cannot be used; the service does not start.</summary>
/// <param name="key">The environment variable to set, for instance <c>Database__Provider</c>.</param>
/// <param name="value">What it holds now; null when it is not set. Never pass a secret.</param>
/// <param name="expected">What it has to hold.</param>
public sealed class SettingException(string key, string? value, string expected)
    : Exception(string.IsNullOrWhiteSpace(value) ? $"{key} is not set. Set it to {expected}." : $"{key} is '{value}'. Set it to {expected}.")
{
    private const string OptionsSuffix = "Options";

    /// <summary>
    /// What is wrong, in the names under which settings are set. The options type <c>InboxOptions</c> is read from the section
    /// <c>Inbox</c>; a message that names its setting already stays as it is.
    /// </summary>
    /// <param name="failure">From the host's validation at start.</param>
    /// <returns>One line per setting.</returns>
    public static string Describe(OptionsValidationException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var name = failure.OptionsType.Name;
        var section = name.EndsWith(OptionsSuffix, StringComparison.Ordinal) ? name[..^OptionsSuffix.Length] : name;
        return string.Join(Environment.NewLine, failure.Failures.Select(message =>
            message.Contains("__", StringComparison.Ordinal) ? message : $"{section}__{message}"));
    }
}
