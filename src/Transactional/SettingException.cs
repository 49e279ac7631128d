namespace Messaging.Transactional;

/// <summary>A setting is missing or cannot be used; the service does not start.</summary>
/// <param name="key">The environment variable to set, for instance <c>Database__Provider</c>.</param>
/// <param name="value">What it holds now; null when it is not set. Never pass a secret.</param>
/// <param name="expected">What it has to hold.</param>
public sealed class SettingException(string key, string? value, string expected)
    : Exception(string.IsNullOrWhiteSpace(value) ? $"{key} is not set. Set it to {expected}." : $"{key} is '{value}'. Set it to {expected}.");
