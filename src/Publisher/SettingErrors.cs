using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>What is wrong with the settings, in the names under which they are set.</summary>
internal static class SettingErrors
{
    private const string Suffix = "Options";

    /// <summary>
    /// One line per failure. A section is named as its options type without "Options"; messages that name their setting already
    /// stay as they are, generated ones (<c>MaxBodyBytes: The field …</c>) get the section in front.
    /// </summary>
    public static string Describe(OptionsValidationException failure) => string.Join(Environment.NewLine, failure.Failures.Select(message =>
        message.Contains("__", StringComparison.Ordinal) ? message : $"{SectionOf(failure.OptionsType)}__{message}"));

    private static string SectionOf(Type options) =>
        options.Name.EndsWith(Suffix, StringComparison.Ordinal) ? options.Name[..^Suffix.Length] : options.Name;
}
